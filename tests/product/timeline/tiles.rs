//! Tiles as such: how large they are, in which order their rects come, and that all cores draw the same.

use ide::jobs::{Job, Jobs};
use ide::timeline::{Key, TILE_BYTES, Window};

use super::{Trace, load};
use crate::product::testdata;

/// However many lanes: a tile has at most so many bytes, no two rects of a row lie over each other,
/// and time is in none twice.
#[test]
fn tiles_keep_to_their_size_and_rows_to_their_order() {
    let Trace { index, .. } = load(&testdata("traces/g126/webmix.trace"));
    let mut keys: Vec<Key> = vec![Key::Gc, Key::Stw, Key::Net, Key::Sys, Key::Timer, Key::Samples];
    keys.extend(index.proc_ids().iter().map(|(p, _)| Key::Proc(*p)));
    keys.extend(index.thread_ids().into_iter().map(Key::Thread));
    keys.extend(index.groups.iter().map(|g| Key::Group(g.id.clone())));
    keys.extend(index.gos.iter().take(100).map(|go| Key::Gos(vec![go.id])));
    keys.truncate(200);
    let window = |width| Window { t0: 0, t1: index.end, width };
    for width in [1, 7, 500, 2000, 4095] {
        let tile = index.tile(&keys, &window(width));
        assert_eq!(tile.len(), keys.len());
        let rects: usize = tile.iter().map(|l| l.rects.len()).sum();
        assert!(32 + keys.len() * 16 + rects * 16 <= TILE_BYTES, "{width}: {rects} rects");
        for (key, lane) in keys.iter().zip(&tile) {
            for flag in [0, 8] {
                let row: Vec<_> = lane.rects.iter().filter(|r| r.flags & 8 == flag).collect();
                assert!(row.iter().all(|r| r.x1 > r.x0), "{key:?}");
                assert!(u32::from(row.last().map_or(0, |r| r.x1)) <= width * 16 + 1, "{key:?}");
                if !matches!(key, Key::Group(_)) {
                    assert!(row.windows(2).all(|w| w[0].x0 <= w[1].x0), "{key:?}: order");
                }
            }
            assert!(lane.rects.len() <= (width as usize * 2 + 2) * 20, "{key:?}");
        }
    }
    // Few lanes are as fine as pixels are.
    assert!(!index.tile(&keys[..8], &window(1000))[0].coarse);
}

/// A tile does not depend on how many cores draw it.
#[test]
fn tiles_are_the_same_on_all_cores() {
    #[derive(Debug)]
    struct Threads(usize);
    impl Jobs for Threads {
        fn at_once(&self) -> usize {
            self.0
        }

        fn all(&self, jobs: &mut [Job<'_>]) {
            std::thread::scope(|scope| jobs.iter_mut().for_each(|job| drop(scope.spawn(job))));
        }
    }
    let (mut compared, mut coarse) = (0, 0);
    for name in ["g126/webmix", "g126/mandel-pixel", "real/nats-server-forky", "g127/annot"] {
        let Trace { index, .. } = load(&testdata(&format!("traces/{name}.trace")));
        let mut keys: Vec<Key> = index.proc_ids().iter().map(|(p, _)| Key::Proc(*p)).collect();
        keys.extend([Key::Gc, Key::All, Key::Net]);
        keys.extend(index.thread_ids().into_iter().map(Key::Thread));
        keys.extend(index.groups.iter().map(|g| Key::Group(g.id.clone())));
        keys.extend(index.gos.iter().map(|go| Key::Gos(vec![go.id])));
        keys.truncate(256);
        for zoom in [1, 3, 20, 500] {
            let t1 = index.end / zoom;
            for width in [300, 4095] {
                let window = Window { t0: t1 / 7, t1, width };
                let one = index.tile(&keys, &window);
                for cores in [2, 5] {
                    assert!(
                        index.tile_by(&keys, &window, &Threads(cores)) == one,
                        "{name} {window:?}"
                    );
                    compared += 1;
                }
                coarse += usize::from(one.iter().any(|lane| lane.coarse));
            }
        }
    }
    assert!(coarse > 0 && coarse * 2 < compared, "{coarse} of {compared}");
}
