//! A trace and all that can be asked of it, on the sources of two bundled programs.
#![no_main]

use std::sync::{Arc, OnceLock};

use exectrace::{FrameId, Nanos};
use ide::analysis::{Analysis, Builder, Unfinished};
use ide::go_source::GoSource;
use ide::hover::Markup;
use ide::line_map::LineMap;
use ide::lines::{By, is_user_by_name, lines};
use ide::metric::Metric;
use ide::placement::{FileId, Placement, SourceFile};
use ide::profiles::{Profile, profile};
use ide::sources::{Mapper, Module, Workspace};
use ide::staleness::{Lines, Mode};
use ide::view::{MIN_SHOWN_NS, View, Word};
use libfuzzer_sys::fuzz_target;

const SOURCES: [(&str, &str); 4] = [
    ("/w/leak/main.go", include_str!("../../../testdata/programs/leak/main.go")),
    ("/w/webmix/db.go", include_str!("../../../testdata/programs/webmix/db.go")),
    ("/w/webmix/server.go", include_str!("../../../testdata/programs/webmix/server.go")),
    ("/w/annot/main.go", include_str!("../../../testdata/programs/annot/main.go")),
];

fn sources() -> &'static [Arc<SourceFile>] {
    static MADE: OnceLock<Vec<Arc<SourceFile>>> = OnceLock::new();
    MADE.get_or_init(|| {
        let file = |&(path, text): &(&str, &str)| {
            Arc::new(SourceFile {
                path: path.to_owned(),
                text: text.into(),
                source: GoSource::parse(text),
            })
        };
        SOURCES.iter().map(file).collect()
    })
}

fn mapper() -> &'static Mapper {
    static MADE: OnceLock<Mapper> = OnceLock::new();
    MADE.get_or_init(|| {
        Mapper::new(Workspace {
            roots: vec!["/w".into()],
            modules: vec![Module { dir: "/w".into(), path: "example.com/workload".into() }],
            files: SOURCES.iter().map(|(path, _)| (*path).to_owned()).collect(),
            ..Workspace::default()
        })
    })
}

fn load(bytes: &[u8]) -> Option<Analysis> {
    let mut builder = Builder::new().with_stays();
    loop {
        builder.space(bytes.len()).copy_from_slice(bytes);
        builder.filled(bytes.len());
        match builder.finish() {
            Ok(analysis) => return Some(analysis),
            Err(Unfinished::Again { generations, problem }) => {
                builder = Builder::up_to(generations, problem).with_stays();
            }
            Err(_) => return None,
        }
    }
}

fn ask(view: &View) {
    for file in (0..view.placement.files.len() as u32).map(FileId) {
        let text = view.placement.source(file).text.clone();
        let map = Arc::new(LineMap::new(text));
        let lines = Lines::new(view, file, map, None, Mode::default());
        ide::lenses::lenses(view, file, &lines, Metric::Impact);
        for shown in ide::annotations::annotations(view, file, &lines, MIN_SHOWN_NS, Metric::Impact) {
            ide::hover::hover(view, file, shown.line, Markup::Markdown);
            ide::hover::hover(view, file, shown.line, Markup::Plain);
        }
    }
    view.summary();
}

fuzz_target!(|bytes: &[u8]| {
    let Some(analysis) = load(bytes) else { return };
    let user = |f: FrameId| is_user_by_name(analysis.str(analysis.tables.frame(f).func));
    for by in [By::Leaf, By::Here, By::Under] {
        for line in lines(&analysis, by, &user) {
            for (_, figure) in &line.causes {
                figure.values(&analysis).percentiles([50, 90, 99]);
            }
        }
    }
    profile(&analysis, Profile::OffCpu, true);
    let mut read = |path: &str| sources().iter().find(|file| file.path == path).cloned();
    let placement = Placement::new(&analysis, mapper(), &mut read);
    let end = analysis.duration();
    let view = View::new("x.trace".into(), analysis, placement, &Word::default());
    ask(&view);
    ask(&view.in_range(Nanos(end / 4), Nanos(end / 2)));
});
