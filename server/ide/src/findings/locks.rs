//! Locks: contended, held while waiting, queued for in a convoy, stuck.

use super::scene::{BIG, Scene, Site};
use super::{Code, Finding, Found, Related, part};
use crate::blame::End;
use crate::units::{count, counted, duration, percent};
use crate::verdicts::WaitKind;

pub(super) fn find(scene: &Scene<'_>, found: &mut Found) {
    for site in scene.sites.iter().filter(|s| s.kind == WaitKind::Lock) {
        contention(scene, site, found);
        stuck(scene, site, found);
    }
}

/// At least 3 waits, and big. Two more stand on the same ground: who has the lock waits itself, for
/// 30 % or more; and: at least 20 waits, together as long as the trace, half of it behind others in
/// the same queue.
fn contention(scene: &Scene<'_>, site: &Site, found: &mut Found) {
    if !scene.may_matter(site) {
        return;
    }
    let costly = site.costly(None);
    let lock = match scene.is_in(costly.worst, "sync.(*Once).") {
        true => "the first run of a sync.Once",
        false => "a lock",
    };
    let real = scene.real(site, costly.ns);
    if costly.n < 3 || !scene.is_big(real) {
        let wait = costly.worst.map(|row| scene.wait(row));
        let what =
            format!("Waits {} for {lock}, in {} waits", duration(costly.ns), count(costly.n));
        let limits = [(part(costly.n as i64, 3), "at least 3 waits"), (scene.bigness(real), BIG)];
        return found.near(Code::LockContention, Some(site.frame), wait, what, &limits);
    }
    let meanwhile = scene.meanwhile(site);
    let detail = vec![scene.figures(&costly), scene.blamed(site)];
    let related = scene.related(site, &costly);
    let holder = scene.chain_end(site).map_or_else(String::new, |(end, frame, ns)| {
        let at = scene.place(frame);
        // Of running the trace has only the line at which it ended.
        let holder = match end {
            End::Running => format!("a goroutine that ran up to {at}"),
            End::Sleep => format!("{at}, which slept meanwhile"),
            End::Network => format!("{at}, which waited for the network meanwhile"),
            End::Timer => format!("{at}, which waited for a timer meanwhile"),
            _ => format!("{at}, which was in a system call meanwhile"),
        };
        format!("; {} of it behind {holder}", percent(ns, site.ns))
    });
    let mut push = |code, message| {
        let mut finding = Finding::new(code, Some(site.frame), real, message);
        finding.detail = detail.clone();
        finding.related = related.clone();
        found.push(finding);
    };
    push(
        Code::LockContention,
        format!("Waits {} for {lock}, in {} waits{holder}", duration(costly.ns), count(costly.n)),
    );

    let outside = scene
        .ends_in(site, |end| matches!(end, End::Network | End::Sleep | End::Timer | End::Syscall));
    let ended = site.ns - site.open_ns;
    if i128::from(outside) * 10 >= i128::from(ended) * 3 {
        let ends = scene.blame.ends_by_kind(&site.slots);
        let is_outside = |end| matches!(end, End::Network | End::Sleep | End::Timer | End::Syscall);
        let first = ends.iter().find(|((end, _), _)| is_outside(*end));
        let what = first.map_or("", |((end, _), _)| match end {
            End::Network => "waits for the network",
            End::Sleep => "sleeps",
            End::Timer => "waits for a timer",
            _ => "is in a system call",
        });
        // The share is that of the kind which is named, and so is the line's.
        let kind = first.map(|((end, _), _)| *end);
        let of_kind = scene.ends_in(site, |end| Some(end) == kind);
        // Sleeps and calls have their line. For the network and timers it is where the holders
        // stood the longest, the queue itself left out.
        let longest = scene.stood_at(site, &meanwhile);
        let named = first.and_then(|((_, line), ns)| Some(((*line)?, *ns)));
        let stood = named.map(|(line, _)| line).or(longest.map(|(frame, _)| frame));
        // The holder itself may wait elsewhere, for the one that stands there.
        let hop = longest
            .filter(|&(frame, ns)| stood != Some(frame) && i128::from(ns) * 2 >= i128::from(ended));
        let (holder, who) = match hop {
            Some((frame, _)) => (
                format!("waits at {} for a goroutine that {what}", scene.place(frame)),
                "the holder of the lock waits for a goroutine that",
            ),
            None => (what.to_owned(), "the holder of the lock"),
        };
        let at = stood.map_or_else(String::new, |f| match named {
            Some((_, ns)) if i128::from(ns) * 10 < i128::from(of_kind) * 9 => {
                format!(", {} at {}", percent(ns, ended), scene.place(f))
            }
            _ => format!(", at {}", scene.place(f)),
        });
        let besides = if (outside - of_kind).saturating_mul(20) < ended {
            String::new()
        } else {
            format!("; other waits of the holder take {} more", percent(outside - of_kind, ended))
        };
        push(
            Code::LockHeldWhileWaiting,
            format!(
                "Waits {} for a lock whose holder {holder} for {} of that time{at}{besides}",
                duration(costly.ns),
                percent(of_kind, ended)
            ),
        );
        if let Some(finding) = found.findings.last_mut() {
            let hop = hop.map(|(frame, _)| (frame, "the holder of the lock waits here".to_owned()));
            let stood = stood.map(|frame| (frame, format!("{who} {what} here")));
            for (frame, text) in hop.into_iter().chain(stood) {
                if !finding.related.iter().any(|r| r.frame == frame) {
                    finding.related.push(Related::new(frame, text));
                }
            }
        }
    }

    let own = site.slots.first().map(|&slot| scene.facts.site(slot));
    let queued = own.and_then(|own| meanwhile.stood.get(&own)).map_or(0, |(ns, _)| *ns);
    if costly.n >= 20 && costly.ns >= scene.duration && queued.saturating_mul(2) >= ended {
        let mut finding = Finding::new(
            Code::Convoy,
            Some(site.frame),
            real,
            format!(
                "{} goroutines queue for this lock at any time on average: {} in {} waits, {} of it behind others in the queue",
                scene.on_average(costly.ns),
                duration(costly.ns),
                count(costly.n),
                percent(queued, ended)
            ),
        );
        finding.detail = vec![scene.figures(&costly), scene.blamed(site)];
        finding.related = scene.related(site, &costly);
        found.push(finding);
    } else {
        let what = format!(
            "{} wait for this lock at any time on average, {} of it behind others in the queue",
            scene.on_average(costly.ns),
            percent(queued, ended)
        );
        let limits = [
            (part(costly.n as i64, 20), "at least 20 waits"),
            (part(costly.ns, scene.duration), "at least one goroutine on average"),
            (part(queued.saturating_mul(2), ended), "at least half of it behind others"),
        ];
        let wait = costly.worst.map(|row| scene.wait(row));
        found.near(Code::Convoy, Some(site.frame), wait, what, &limits);
    }
}

/// Under way for half of the trace or more when it ends.
fn stuck(scene: &Scene<'_>, site: &Site, found: &mut Found) {
    if site.open_ns == 0 {
        return;
    }
    let stuck = scene.pick(site, |stay| {
        stay.open && stay.end.since(stay.start).saturating_mul(2) >= scene.duration
    });
    let who = counted(stuck.n, "goroutine still waits", "goroutines still wait");
    found.findings.extend(scene.still(Code::StuckLock, site, &stuck, |longest| {
        format!("{who} for this lock when the trace ends, the longest for {longest}")
    }));
}
