//! Channels: sends that nobody takes, back-pressure, no free slot, items too small, workers without work.

use exectrace::{FrameId, StackId};
use hashbrown::{HashMap, HashSet};

use super::scene::{BIG, Picked, Scene, Site};
use super::{Code, Finding, Found, part};
use crate::blame::End;
use crate::figures::SlotId;
use crate::sites::ends_context;
use crate::stays::{GoRow, Stay, StayKind, StayRow};
use crate::units::{count, counted, duration, percent};
use crate::values::Values;
use crate::verdicts::{Verdict, WaitKind, Why};

pub(super) fn find(scene: &Scene<'_>, found: &mut Found) {
    for site in &scene.sites {
        match site.kind {
            WaitKind::Send => {
                stuck(scene, site, found);
                backpressure(scene, site, found);
                slots(scene, site, found);
                handoff(scene, site, found);
            }
            WaitKind::Select => {
                backpressure(scene, site, found);
                slots(scene, site, found);
                gave_up(scene, site, found);
            }
            WaitKind::Receive => {
                slots(scene, site, found);
                handoff(scene, site, found);
                starved(scene, site, found);
            }
            WaitKind::Cond => slots(scene, site, found),
            _ => {}
        }
    }
}

/// Under way for half of the trace or more when it ends, by a goroutine that had waited before and gone on:
/// one that never got any further may be a leak, which has a finding of its own.
fn stuck(scene: &Scene<'_>, site: &Site, found: &mut Found) {
    if site.open_ns == 0 {
        return;
    }
    let waited = |stay: &Stay| {
        let before = |row: StayRow| (row != StayRow::NONE).then_some(row);
        let stays =
            std::iter::successors(before(stay.prev), |&row| before(scene.stays.stay(row).prev));
        stays.take(LOOKED_BACK).any(|row| scene.stays.stay(row).kind == StayKind::Wait)
    };
    let stuck = scene.pick(site, |stay| {
        stay.open && stay.end.since(stay.start).saturating_mul(2) >= scene.duration && waited(stay)
    });
    if !scene.is_big(stuck.ns) {
        return;
    }
    let all = scene.pick(site, |stay| stay.open);
    let who = counted(all.n, "goroutine still sends", "goroutines still send");
    let most = match all.n - stuck.n {
        0 => String::new(),
        _ => format!(", {} of them for half of it or more", count(stuck.n)),
    };
    found.findings.extend(scene.still(Code::StuckSend, site, &stuck, |longest| {
        format!("{who} here when the trace ends{most}, the longest for {longest}: nobody receives")
    }));
}

/// So far it is looked for a wait before.
const LOOKED_BACK: usize = 64;

/// At least 3 sends whose receiver was busy, and big.
fn backpressure(scene: &Scene<'_>, site: &Site, found: &mut Found) {
    if !scene.may_matter(site) {
        return;
    }
    let costly = site.costly(Some(Why::ReceiverBusy));
    let real = scene.real(site, costly.ns);
    if site.costly(Some(Why::NoSlot)).ns > costly.ns {
        return; // who takes a token is no busy receiver
    }
    if costly.n < 3 || !scene.is_big(real) {
        let wait = costly.worst.map(|row| scene.wait(row));
        let what = format!(
            "Waits {} to send because the receiver is busy, in {}",
            duration(costly.ns),
            counted(costly.n, "wait", "waits")
        );
        let limits = [(part(costly.n as i64, 3), "at least 3 waits"), (scene.bigness(real), BIG)];
        return found.near(Code::ChanBackpressure, Some(site.frame), wait, what, &limits);
    }
    let end = match scene.chain_end(site) {
        Some((end, frame, ns)) => {
            let (at, share) = (scene.place(frame), percent(ns, site.ns));
            match end {
                End::Running => format!("; {share} of it behind a goroutine that ran up to {at}"),
                _ => format!("; {share} of it ends with {} at {at}", end.words()),
            }
        }
        // What ends in no line of the program's own: then the one at which the receiver stood.
        None => match scene.stood_at(site, &scene.meanwhile(site)) {
            Some((frame, ns)) if i128::from(ns) * 4 >= i128::from(site.ns) => {
                let (at, share) = (scene.place(frame), percent(ns, site.ns));
                format!("; for {share} of it the receiver waits at {at}")
            }
            _ => String::new(),
        },
    };
    let ran = scene.ends_in(site, |end| matches!(end, End::Running | End::Runnable));
    let is_saturated = scene.saturated().filter(|_| ran.saturating_mul(2) >= site.ns);
    let but = is_saturated.map_or_else(String::new, |share| {
        format!(" (all Ps ran for {share} of the trace: more receivers alone would not help)")
    });
    let mut finding = Finding::new(
        Code::ChanBackpressure,
        Some(site.frame),
        real,
        format!(
            "Waits {} to send because the receiver is busy, in {} waits{end}{but}",
            duration(costly.ns),
            count(costly.n)
        ),
    );
    finding.detail = vec![scene.figures(&costly), scene.blamed(site)];
    finding.related = scene.related(site, &costly);
    found.push(finding);
}

/// A third of the site or more for want of a slot, at least 3 such waits, and big.
fn slots(scene: &Scene<'_>, site: &Site, found: &mut Found) {
    if !scene.may_matter(site) {
        return;
    }
    let costly = site.costly(Some(Why::NoSlot));
    let real = scene.real(site, costly.ns);
    if costly.n < 3 || costly.ns.saturating_mul(3) < site.ns || !scene.is_big(real) {
        let wait = costly.worst.map(|row| scene.wait(row));
        let what = format!(
            "Waits {} for a free slot, in {}",
            duration(costly.ns),
            counted(costly.n, "wait", "waits")
        );
        let limits = [
            (part(costly.n as i64, 3), "at least 3 waits"),
            (part(costly.ns.saturating_mul(3), site.ns), "at least a third of the waiting here"),
            (scene.bigness(real), BIG),
        ];
        return found.near(Code::SlotsExhausted, Some(site.frame), wait, what, &limits);
    }
    let giver = giver(scene, site)
        .map_or_else(String::new, |f| format!(", which others give back at {}", scene.place(f)));
    // To reject somebody is the worst that a lack of slots does, and its time is none of those waits'.
    let gave_up = ran_out(scene, site);
    let rejected = match gave_up.n {
        0 => String::new(),
        n => {
            let n = counted(n, "wait", "waits");
            format!("; {n} more gave up, in {}", duration(gave_up.ns))
        }
    };
    let mut finding = Finding::new(
        Code::SlotsExhausted,
        Some(site.frame),
        real,
        format!(
            "Waits {} in {} waits for a free slot{giver}{rejected}",
            duration(costly.ns),
            count(costly.n)
        ),
    );
    finding.detail = vec![
        scene.figures(&costly),
        format!("{} of all waiting here is for a slot", percent(costly.ns, site.ns)),
        scene.blamed(site),
    ];
    finding.related = scene.related(site, &costly);
    found.push(finding);
}

/// The waits at a site that the deadline of a context ended, which ended no other, and after which their goroutines did
/// something else.
fn ran_out(scene: &Scene<'_>, site: &Site) -> Picked {
    let mut picked = Picked::default();
    let mut shared_by = None;
    for &row in &site.waits {
        let stay = scene.stays.stay(row);
        let by_deadline = stay.waker != GoRow::NONE
            && !stay.open
            && scene.stays.go(stay.waker).is_timers()
            && ends_context(scene.analysis, stay.waker_stack)
            && scene.stays.go(stay.g).last > row;
        let shared = |shared: &mut Option<Vec<GoRow>>| {
            let shared = shared.get_or_insert_with(|| scene.stays.ended_several());
            shared.binary_search(&stay.waker).is_ok()
        };
        if by_deadline && !shared(&mut shared_by) {
            picked.add(row, stay.end.since(stay.start));
        }
    }
    picked
}

/// Three waits or more, a tenth of those that ended, ran out: what they waited for did not come in time. A context that
/// is given as long as the program runs ends many, or what its goroutine does last.
fn gave_up(scene: &Scene<'_>, site: &Site, found: &mut Found) {
    let gave_up = ran_out(scene, site);
    let ended = scene.pick(site, |stay| !stay.open).n;
    if gave_up.n == 0 {
        return;
    }
    let what = format!(
        "{} of {} here gave up: the time that they were given ran out, after {} in all",
        count(gave_up.n),
        counted(ended, "wait", "waits"),
        duration(gave_up.ns)
    );
    let of_all = part(gave_up.n.saturating_mul(10) as i64, ended as i64);
    if gave_up.n < 3 || of_all < 1.0 || !scene.is_big(gave_up.ns) {
        let wait = gave_up.worst.map(|row| scene.wait(row));
        let limits = [
            (part(gave_up.n as i64, 3), "at least 3 waits"),
            (of_all, "at least a tenth of all waits here"),
            (scene.bigness(gave_up.ns), BIG),
        ];
        return found.near(Code::GaveUp, Some(site.frame), wait, what, &limits);
    }
    let mut finding = Finding::new(Code::GaveUp, Some(site.frame), gave_up.ns, what);
    finding.detail = vec![scene.figures(&gave_up), scene.blamed(site)];
    if let Some(worst) = gave_up.worst {
        scene.instance(site.frame, worst, "the longest of them", &mut finding.related);
        // Where contexts end is no line for a person to go to.
        finding.related.truncate(1);
    }
    found.push(finding);
}

/// The line at which most slots were given back. A context that ends gives none.
fn giver(scene: &Scene<'_>, site: &Site) -> Option<FrameId> {
    let mut by_stack: HashMap<StackId, usize> = HashMap::new();
    for &row in &site.waits {
        if scene.judgement(row).is_some_and(|judgement| judgement.why == Why::NoSlot) {
            *by_stack.entry(scene.stays.stay(row).waker_stack).or_default() += 1;
        }
    }
    let mut by_line: HashMap<FrameId, usize> = HashMap::new();
    for (stack, n) in by_stack {
        if !ends_context(scene.analysis, stack)
            && let Some(line) = scene.facts.line_of(scene.analysis, stack)
        {
            *by_line.entry(line).or_default() += n;
        }
    }
    let most = by_line.into_iter().max_by_key(|&(line, n)| (n, std::cmp::Reverse(line)));
    most.map(|(line, _)| line)
}

/// What handing over one item costs, in nanoseconds: two changes of goroutine.
const HANDOFF_NS: i64 = 2_000;

/// At least 1,000 waits, half of them under 20 µs, with less than that from one to the next; 2 µs for each
/// of them are 2 % of all running, and big. On a channel of the program's own: a library's nobody can change.
fn handoff(scene: &Scene<'_>, site: &Site, found: &mut Found) {
    let n = site.waits.len();
    if n < 1_000 || !site.slots.iter().any(|&slot| is_own_operation(scene, slot)) {
        return;
    }
    let mut values = Values::default();
    for &slot in &site.slots {
        values.merge(&scene.analysis.slots[slot.0 as usize].values);
    }
    let [p50, p99] = values.percentiles([50, 99]);
    let cost = (n as i64).saturating_mul(HANDOFF_NS);
    let is_dear = i128::from(cost) * 50 >= i128::from(scene.running) && scene.is_big(cost);
    let between = if p50 < 20_000 && is_dear { between_waits(scene, site) } else { 0 };
    if p50 >= 20_000 || between >= 20_000 || !is_dear {
        let what = format!(
            "Hands over {} items, half of them within {}: about {} of running time",
            count(n as u64),
            duration(p50),
            percent(cost, scene.running)
        );
        let limits = [
            (part(20_000, p50), "half of the waits under 20 µs"),
            (part(20_000, between), "half of the time less than 20 µs from one to the next"),
            (scene.bigness(cost), BIG),
            (part(cost.saturating_mul(50), scene.running), "at least 2 % of all running"),
        ];
        return found.near(Code::FineHandoff, Some(site.frame), None, what, &limits);
    }
    let way = if site.kind == WaitKind::Send { "sends" } else { "receives" };
    let picked = site.judged(|_, open| !open);
    let mut finding = Finding::new(
        Code::FineHandoff,
        Some(site.frame),
        cost,
        format!(
            "{} {way} wait one by one, half of them under {}: handing over so small items costs about {} of running time",
            count(n as u64),
            duration(p50),
            percent(cost, scene.running)
        ),
    );
    finding.detail = vec![
        scene.figures(&picked),
        format!("p50 {}, p99 {}", duration(p50), duration(p99)),
        format!("2 µs for each are {} of {} running", duration(cost), duration(scene.running)),
    ];
    finding.related = scene.related(site, &picked);
    found.push(finding);
}

/// Whether it is the program's own code that sends or receives there, not a library that it called.
fn is_own_operation(scene: &Scene<'_>, slot: SlotId) -> bool {
    let stack = scene.analysis.stack(scene.stack_of(slot));
    let is_runtimes = |&&frame: &&FrameId| {
        let func = scene.analysis.tables.frame(frame).func;
        scene.analysis.str(func).starts_with("runtime.")
    };
    stack.iter().find(|frame| !is_runtimes(frame)).is_some_and(|&f| scene.facts.is_own(f))
}

/// So many waits tell how much lies between two.
const LOOKED_AT: usize = 100_000;

/// How long half of all goroutines take at most from one wait at a site to the next, in nanoseconds.
fn between_waits(scene: &Scene<'_>, site: &Site) -> i64 {
    let mut last: HashMap<GoRow, i64> = HashMap::new();
    let mut gaps = Vec::new();
    for &row in site.waits.iter().take(LOOKED_AT) {
        let stay = scene.stays.stay(row);
        if let Some(last) = last.insert(stay.g, stay.end.0) {
            gaps.push(stay.start.0.saturating_sub(last));
        }
    }
    // Each once: there is nothing between.
    let middle = gaps.len() / 2;
    if gaps.is_empty() { 0 } else { *gaps.select_nth_unstable(middle).1 }
}

/// At least two goroutines that wait for work, together as long as the trace, while the one that
/// brings it runs for 60 % of that; and a P was idle for half of the trace.
fn starved(scene: &Scene<'_>, site: &Site, found: &mut Found) {
    if site.ns < scene.duration || !scene.idle_ps() {
        return;
    }
    let waiting = |verdict| matches!(verdict, Verdict::Idle | Verdict::Through);
    let picked = site.judged(|judgement, _| waiting(judgement.verdict));
    if picked.ns < scene.duration {
        return;
    }
    let goroutines: HashSet<_> = site.waits.iter().map(|&row| scene.stays.stay(row).g).collect();
    let ran = scene.meanwhile(site).running;
    if goroutines.len() < 2 || i128::from(ran) * 10 < i128::from(picked.ns) * 6 {
        let what = format!(
            "{} for work for {}, and the one that brings it runs for {} of that time",
            counted(goroutines.len() as u64, "goroutine waits", "goroutines wait"),
            duration(picked.ns),
            percent(ran, picked.ns)
        );
        let limits = [
            (part(goroutines.len() as i64, 2), "at least 2 goroutines"),
            (part(ran.saturating_mul(10) / 6, picked.ns), "at least 60 % of that time"),
        ];
        return found.near(Code::Starved, Some(site.frame), None, what, &limits);
    }
    let mut finding = Finding::new(
        Code::Starved,
        Some(site.frame),
        picked.ns.min(scene.duration),
        format!(
            "{} goroutines wait {} for work, and the one that brings it runs for {} of that time",
            count(goroutines.len() as u64),
            duration(picked.ns),
            percent(ran, picked.ns)
        ),
    );
    finding.detail = vec![
        scene.figures(&picked),
        scene.blamed(site),
        format!(
            "a P was idle for {} of the trace",
            percent(scene.stays.sched.idle_ns(), scene.duration)
        ),
        format!(
            "{} of the waiting ends with running",
            percent(scene.ends_in(site, |end| end == End::Running), site.ns)
        ),
    ];
    finding.related = scene.related(site, &picked);
    found.push(finding);
}
