//! What is kept of a trace, changed by somebody who makes its hashes fit: refused, or a trace that can
//! be asked all that one without lives is asked.
#![no_main]

use std::sync::{Arc, OnceLock};

use exectrace::FrameId;
use ide::analysis::{Analysis, Builder};
use ide::go_source::GoSource;
use ide::hover::Markup;
use ide::jobs::InTurn;
use ide::judged::{Depth, Judged, Question};
use ide::line_map::LineMap;
use ide::lines::{By, is_user_by_name, lines};
use ide::metric::Metric;
use ide::placement::{FileId, Placement, SourceFile};
use ide::sources::{Mapper, Module, Workspace};
use ide::staleness::{Lines, Mode};
use ide::view::{MIN_SHOWN_NS, View, Word};
use libfuzzer_sys::fuzz_target;

const PATH: &str = "/w/leak/main.go";
const SOURCE: &str = include_str!("../../../testdata/programs/leak/main.go");
const TRACE: &[u8] = include_bytes!("../../../testdata/traces/g126/leak.trace");

/// A trace, and both parts of what is kept of it.
struct Real {
    analysis: Analysis,
    parts: [Vec<u8>; 2],
}

fn placed(analysis: &Analysis) -> Placement {
    let mapper = Mapper::new(Workspace {
        roots: vec!["/w".into()],
        modules: vec![Module { dir: "/w".into(), path: "example.com/workload".into() }],
        files: vec![PATH.to_owned()],
        ..Workspace::default()
    });
    let source = Arc::new(SourceFile {
        path: PATH.to_owned(),
        text: SOURCE.into(),
        source: GoSource::parse(SOURCE),
    });
    Placement::new(analysis, &mapper, &mut |path| (path == PATH).then(|| source.clone()))
}

fn question(analysis: &Analysis) -> Question {
    View::question(analysis, &placed(analysis), &Word::default())
}

fn real() -> &'static Real {
    static MADE: OnceLock<Real> = OnceLock::new();
    MADE.get_or_init(|| {
        let mut builder = Builder::new().with_stays();
        builder.space(TRACE.len()).copy_from_slice(TRACE);
        builder.filled(TRACE.len());
        let analysis = builder.finish().expect("a bundled trace is sound");
        let depth = Depth::Groups;
        let judged = Judged::new(&analysis, &question(&analysis), depth, &InTurn(1), &|| true);
        let judged = judged.and_then(|judged| judged.to_bytes(depth));
        let parts = [analysis.to_bytes(), judged].map(|part| part.expect("it is whole"));
        Real { analysis, parts }
    })
}

/// The part that the first byte chooses; then each four bytes change something: two say where.
fn changed(real: &Real, bytes: &[u8]) -> (usize, Vec<u8>) {
    let which = usize::from(bytes.first().copied().unwrap_or(0)) % real.parts.len();
    let mut part = real.parts[which].clone();
    for change in bytes.get(1..).unwrap_or_default().chunks_exact(4) {
        let at = usize::from(u16::from_le_bytes([change[0], change[1]])) * part.len() >> 16;
        match change[2] % 4 {
            0 => part[at] = change[3],
            1 => part[at] ^= 1 << (change[3] & 7),
            2 => part.insert(at, change[3]),
            _ if part.len() > 1 => drop(part.remove(at)),
            _ => {}
        }
    }
    (which, part)
}

fuzz_target!(|bytes: &[u8]| {
    let real = real();
    let (which, part) = changed(real, bytes);
    let analysis = match which {
        0 => Analysis::of_bytes(&part),
        _ => Some(real.analysis.clone()),
    };
    let Some(analysis) = analysis else { return };
    let user = |f: FrameId| is_user_by_name(analysis.str(analysis.tables.frame(f).func));
    for line in lines(&analysis, By::Here, &user) {
        for (_, figure) in &line.causes {
            figure.values(&analysis).percentiles([50, 90, 99]);
        }
    }
    let (placement, word) = (placed(&analysis), Word::default());
    let question = View::question(&analysis, &placement, &word);
    let judged = match which {
        0 => None,
        _ => Judged::of_bytes(&part, &analysis, &question, Depth::Groups),
    };
    let view = View::judged_so("x.trace".into(), analysis, placement, &word, question, judged);
    for file in (0..view.placement.files.len() as u32).map(FileId) {
        let map = Arc::new(LineMap::new(view.placement.source(file).text.clone()));
        let lines = Lines::new(&view, file, map, None, Mode::default());
        ide::lenses::lenses(&view, file, &lines, Metric::Impact);
        for shown in ide::annotations::annotations(&view, file, &lines, MIN_SHOWN_NS, Metric::Impact) {
            ide::hover::hover(&view, file, shown.line, Markup::Markdown);
        }
    }
    view.summary();
});
