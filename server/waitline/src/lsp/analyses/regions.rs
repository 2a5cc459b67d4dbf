//! What the program's own regions took: by name and place, or of one name each by itself.

use ide::scope::Wish;
use ide::summary::groups::Spans;
use ide::summary::{Region, Sites};
use serde_json::{Value, json};
use tower_lsp::jsonrpc::Result;

use super::filter::{lengths, site};
use super::{Asked, span_groups, touches};
use crate::lsp::parameters::word;

fn regions<'a>(asked: &'a Asked<'_>) -> impl Iterator<Item = &'a Region> {
    let scope = &asked.scope;
    let end = asked.analysis.duration();
    asked.summary.regions.iter().filter(move |r| {
        let (from, to) = (r.start.map_or(0, |t| t.0), r.end.map_or(end, |t| t.0));
        r.name.is_some()
            && touches(asked, r.start, r.end)
            && (scope.is_time_only() || scope.inside(r.g, from, to) > 0)
    })
}

/// `{filter?, name?, site?, query?, minNs?, maxNs?, offset?, limit?}`
pub(super) fn region_table(asked: &Asked<'_>) -> Result<Value> {
    let analysis = asked.analysis;
    let end = analysis.totals.end;
    let (offset, limit) = asked.page()?;
    let (name, query) = (word(asked.params, "name")?, word(asked.params, "query")?);
    let sites = &Sites::new(analysis, asked.summary);
    let of = Wish { lengths: lengths(asked.params)?, ..Wish::default() };
    let site = site(asked.params)?;
    let wanted = |r: &&Region| {
        let text = analysis.str(r.name);
        (name.is_empty() || text == name)
            && text.contains(query)
            && of.is_of_length(r.duration(end))
            && site.is_none_or(|at| sites.of(analysis, r.stack) == Some(at))
    };
    if name.is_empty() {
        let mut spans = Spans::new(analysis, sites);
        regions(asked).filter(wanted).for_each(|r| spans.add_region(r, &r.stats));
        return Ok(span_groups(asked, spans, offset, limit, true));
    }
    let mut list: Vec<&Region> = regions(asked).filter(wanted).collect();
    list.sort_by_key(|r| (std::cmp::Reverse(r.duration(end)), r.start, r.g));
    let rows: Vec<Value> =
        list.iter().skip(offset).take(limit).map(|r| region(asked, sites, r)).collect();
    Ok(json!({ "of": list.len(), "regions": rows }))
}

pub(super) fn region(asked: &Asked<'_>, sites: &Sites, region: &Region) -> Value {
    json!({
        "name": asked.str(region.name),
        "g": region.g.0,
        "task": region.task.0,
        "start": region.start.map(|t| t.0),
        "end": region.end.map(|t| t.0),
        "duration": region.duration(asked.analysis.totals.end),
        "columns": asked.columns(&region.stats),
        "place": asked.place(sites.of(asked.analysis, region.stack)),
    })
}
