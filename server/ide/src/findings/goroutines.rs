//! Goroutines and the `go` statements that start them: in turn instead of side by side, too many,
//! left behind; joins that wait for the last one; a program that is one goroutine.

use super::scene::{BIG, Picked, Scene, Site};
use super::{Code, Finding, Found, Related, part};
use crate::goroutines::{GoGroup, func, ran};
use crate::stays::{GoRow, Stay, StayKind, StayRow};
use crate::units::{count, counted, duration, percent};
use crate::verdicts::{Verdict, WaitKind};

pub(super) fn find(scene: &Scene<'_>, found: &mut Found) {
    for group in &scene.groups {
        serial(scene, group, found);
        churn(scene, group, found);
        leak(scene, group, found);
    }
    for site in scene.sites.iter().filter(|s| s.kind == WaitKind::Join) {
        straggler(scene, site, found);
    }
    one_at_a_time(scene, found);
}

/// At least 8 goroutines of one `go`, half of them ran 50 µs or more; together they ran at most 1.1
/// times as long as any of them did, and somebody of them did for half of the time from the first
/// birth to the last end; that is 5 % of the trace, in which a P was idle for half of the time.
fn serial(scene: &Scene<'_>, group: &GoGroup, found: &mut Found) {
    if group.started < 8 || group.run_p50 < 50_000 || !scene.idle_ps() {
        return;
    }
    let gos = || group.gos.iter().map(|&g| scene.stays.go(g));
    let briefs = || group.briefs(scene.stays);
    let first = gos().map(|go| go.birth.0).chain(briefs().map(|b| b.birth().0)).min();
    let last = gos().map(|go| go.end.0.min(scene.duration)).chain(briefs().map(|b| b.end())).max();
    let whole = last.unwrap_or(0) - first.unwrap_or(0);
    let mut intervals: Vec<_> = briefs().map(|b| (b.began(), b.end())).collect();
    for &g in &group.gos {
        ran(scene.analysis, scene.stays, g, |from, to| intervals.push((from, to)));
    }
    let union = union_of(&mut intervals);
    let sum = group.life.run_ns;
    if i128::from(sum) * 10 > i128::from(union) * 11
        || union.saturating_mul(2) < whole
        || union.saturating_mul(20) < scene.duration
    {
        let what = format!(
            "The {} goroutines started here ran {}, one or more of them for {} of {}",
            count(group.started),
            duration(sum),
            duration(union),
            duration(whole)
        );
        let limits = [
            (part(union.saturating_mul(11) / 10, sum), "together at most 1.1 times as long as any"),
            (part(union.saturating_mul(2), whole), "somebody of them runs for half of the time"),
            (part(union.saturating_mul(20), scene.duration), "at least 5 % of the trace"),
        ];
        return found.near(Code::SerialFanout, Some(group.created_at), None, what, &limits);
    }
    let mut finding = Finding::new(
        Code::SerialFanout,
        Some(group.created_at),
        union,
        format!(
            "The {} goroutines started here run one after another: {} of running in {}, while a P is idle",
            count(group.started),
            duration(sum),
            duration(union)
        ),
    );
    finding.detail = vec![
        format!("one or more of them ran for {} of {}", duration(union), duration(whole)),
        format!("half of them ran {} or less", duration(group.run_p50)),
        format!("{} alive at once at most", count(group.alive_max)),
        format!(
            "a P was idle for {} of the trace",
            percent(scene.stays.sched.idle_ns(), scene.duration)
        ),
    ];
    // What they stand at, one after another.
    if let Some((site, ns)) = stands_at(scene, group) {
        let text = format!("they wait {} here in all", duration(ns));
        finding.related.push(Related::new(site.frame, text));
    }
    found.push(finding);
}

/// The line at which the goroutines of a group wait the longest.
fn stands_at<'s>(scene: &'s Scene<'_>, group: &GoGroup) -> Option<(&'s Site, i64)> {
    let of_group = |stay: &Stay| group.gos.binary_search(&stay.g).is_ok();
    scene
        .sites
        .iter()
        .map(|site| (site, scene.pick(site, of_group).ns))
        .filter(|(_, ns)| *ns > 0)
        .max_by_key(|(_, ns)| *ns)
}

/// How long at least one of some intervals was under way.
fn union_of(intervals: &mut [(i64, i64)]) -> i64 {
    intervals.sort_unstable();
    let (mut union, mut until) = (0, i64::MIN);
    for &(from, to) in intervals.iter() {
        if to > until {
            union += to - from.max(until);
            until = to;
        }
    }
    union
}

/// What starting a goroutine and ending it costs, in nanoseconds.
const START_NS: i64 = 1_000;

/// At least 1,000 of one `go`, half of them ran under 20 µs, and 1 µs for each is 2 % of all
/// running, and big. By number alone this would hit every server.
fn churn(scene: &Scene<'_>, group: &GoGroup, found: &mut Found) {
    let cost = i64::try_from(group.started).unwrap_or(i64::MAX).saturating_mul(START_NS);
    if group.started < 1_000
        || group.run_p50 >= 20_000
        || i128::from(cost) * 50 < i128::from(scene.running)
        || !scene.is_big(cost)
    {
        let what = format!(
            "Starts {} goroutines, half of which run {} or less: about {} of running time",
            count(group.started),
            duration(group.run_p50),
            percent(cost, scene.running)
        );
        let started = i64::try_from(group.started).unwrap_or(i64::MAX);
        let limits = [
            (part(started, 1_000), "at least 1,000 goroutines"),
            (part(20_000, group.run_p50), "half of them run under 20 µs"),
            (part(cost.saturating_mul(50), scene.running), "at least 2 % of all running"),
            (scene.bigness(cost), BIG),
        ];
        return found.near(Code::GoroutineChurn, Some(group.created_at), None, what, &limits);
    }
    let mut finding = Finding::new(
        Code::GoroutineChurn,
        Some(group.created_at),
        cost,
        format!(
            "Starts {} goroutines, half of which run under {}: starting them costs about {} of running time",
            count(group.started),
            duration(group.run_p50.saturating_add(1)),
            percent(cost, scene.running)
        ),
    );
    finding.detail = vec![
        format!("{} ran in all", duration(group.life.run_ns)),
        format!("1 µs for each start is {} of {} running", duration(cost), duration(scene.running)),
        format!("{} alive at once at most", count(group.alive_max)),
        format!("half of them lived {} or less", duration(group.life_p50)),
    ];
    found.push(finding);
}

/// Per `go`: at least 5 goroutines that are still in the first wait of their life, which began
/// within a tenth of the trace after their birth; from each of the first three quarters of the
/// trace; and a fifth of those born in its first half or more. To be parked for long is no sign: a
/// server's workers are.
fn leak(scene: &Scene<'_>, group: &GoGroup, found: &mut Found) {
    let mut left: Vec<StayRow> = Vec::new();
    let (mut quarters, mut early_left, mut early) = ([0u64; 4], 0u64, 0u64);
    let quarter =
        |birth: i64| (i128::from(birth) * 4 / i128::from(scene.duration)).clamp(0, 3) as usize;
    early += group.briefs(scene.stays).filter(|b| quarter(b.birth().0) < 2).count() as u64;
    for &g in &group.gos {
        let quarter = quarter(scene.stays.go(g).birth.0);
        early += u64::from(quarter < 2);
        if let Some(row) = first_and_last_wait(scene, g) {
            left.push(row);
            quarters[quarter] += 1;
            early_left += u64::from(quarter < 2);
        }
    }
    if left.len() < 5 || quarters[..3].contains(&0) || early_left * 5 < early {
        let n = left.len() as u64;
        let what = format!(
            "{} of the {} started here still in the first wait when the trace ends",
            counted(n, "goroutine stands", "goroutines stand"),
            count(group.started)
        );
        let from = quarters[..3].iter().filter(|n| **n > 0).count() as i64;
        let limits = [
            (part(n as i64, 5), "at least 5 goroutines"),
            (part(from, 3), "some from each of the first three quarters of the trace"),
            (part(early_left as i64 * 5, early as i64), "a fifth of those of the first half"),
        ];
        let wait = left.first().map(|&row| scene.wait(row));
        return found.near(Code::LeakSuspect, Some(group.created_at), wait, what, &limits);
    }
    let ns = left.iter().fold(0i64, |sum, &row| {
        let stay = scene.stays.stay(row);
        sum.saturating_add(stay.end.since(stay.start))
    });
    let n = left.len() as u64;
    let mut finding = Finding::new(
        Code::LeakSuspect,
        Some(group.created_at),
        ns,
        format!(
            "{} of the {} goroutines started here still stand in their first wait when the trace ends",
            count(n),
            count(group.started)
        ),
    );
    finding.detail = vec![
        format!("{} of those started in the first half of the trace", percent(early_left, early)),
        format!(
            "by quarter of the trace: {}, {}, {}, {}",
            quarters[0], quarters[1], quarters[2], quarters[3]
        ),
    ];
    // The oldest of them, where it stands.
    if let Some(&oldest) = left.first() {
        let stack = scene.stack_of(scene.stays.stay(oldest).slot);
        if let Some(frame) = scene.facts.line_of(scene.analysis, stack) {
            scene.instance(frame, oldest, "the oldest stands here", &mut finding.related);
        }
    }
    found.push(finding);
}

/// The wait in which a goroutine stands at the trace's end, if it is the first of its life.
fn first_and_last_wait(scene: &Scene<'_>, g: GoRow) -> Option<StayRow> {
    let go = scene.stays.go(g);
    let row = (go.last != StayRow::NONE).then_some(go.last)?;
    let stay = scene.stays.stay(row);
    let blocked = matches!(
        scene.facts.kind_of_stay(&stay),
        WaitKind::Send
            | WaitKind::Receive
            | WaitKind::Select
            | WaitKind::Lock
            | WaitKind::Cond
            | WaitKind::Join
    );
    let soon = stay.start.since(go.birth).saturating_mul(10) <= scene.duration;
    if !(stay.open && stay.kind == StayKind::Wait && blocked && soon) {
        return None;
    }
    let mut before = stay.prev;
    while before != StayRow::NONE {
        let stay = scene.stays.stay(before);
        // A short stop for the collector is no wait of its own.
        let collector = stay.kind == StayKind::Wait
            && matches!(scene.facts.kind_of_stay(&stay), WaitKind::Gc | WaitKind::System);
        if matches!(stay.kind, StayKind::Wait | StayKind::Syscall) && !collector {
            return None;
        }
        before = stay.prev;
    }
    Some(row)
}

/// Joins in which at least 3 goroutines ended that the joining one had started: for 40 % of their
/// time or more only the last one was left, and that is big.
fn straggler(scene: &Scene<'_>, site: &Site, found: &mut Found) {
    let mut joins = Picked::default();
    let (mut alone, mut most) = (0i64, 0);
    for &row in &site.waits {
        let join = scene.stays.stay(row);
        let Some((last, ns)) = last_alone(scene, &join) else { continue };
        joins.n += 1;
        joins.ns = joins.ns.saturating_add(join.end.since(join.start));
        alone = alone.saturating_add(ns);
        if ns > most || joins.worst.is_none() {
            most = ns;
            joins.worst = last;
        }
    }
    if i128::from(alone) * 10 < i128::from(joins.ns) * 4 || !scene.is_big(alone) {
        let what = format!(
            "Waits {} for the last goroutine alone, of {} in {}",
            duration(alone),
            duration(joins.ns),
            counted(joins.n, "join", "joins")
        );
        let limits = [
            (part(alone.saturating_mul(10) / 4, joins.ns), "at least 40 % of the joins' time"),
            (scene.bigness(alone), BIG),
        ];
        return found.near(Code::Straggler, Some(site.frame), None, what, &limits);
    }
    let times = if joins.n == 1 { "join" } else { "joins" };
    let mut finding = Finding::new(
        Code::Straggler,
        Some(site.frame),
        alone,
        format!(
            "Waits {} for the last goroutine alone, of {} in {} {times}",
            duration(alone),
            duration(joins.ns),
            count(joins.n)
        ),
    );
    finding.detail = vec![
        format!("{} of the joins' time only the last one was left", percent(alone, joins.ns)),
        scene.blamed(site),
    ];
    if let Some(last) = joins.worst {
        let stay = scene.stays.stay(last);
        let go = scene.stays.go(stay.g);
        if let Some(frame) = scene.facts.line_of(scene.analysis, go.created_at) {
            let text = format!(
                "goroutine {} was the last for {}: it was started here and ended at {}",
                go.id.0,
                duration(most),
                super::scene::moment(go.end.0)
            );
            finding.related.push(Related::new(frame, text));
        }
    }
    found.push(finding);
}

/// Of a join: the last stay of the goroutine that ended last in it, and for how long it was the
/// last one. Its children that had ended before are not asked about.
fn last_alone(scene: &Scene<'_>, join: &Stay) -> Option<(Option<StayRow>, i64)> {
    let until = join.end.0.saturating_add(LATE_NS);
    let (n, before, last) = scene.children.last_two(join.g, join.start.0, until)?;
    if n < 3 || join.open {
        return None;
    }
    let row = (last.1 != GoRow::NONE).then(|| scene.stays.go(last.1).last);
    Some((row, (last.0.min(join.end.0) - before).max(0)))
}

/// A goroutine wakes the join by its `Done`, and ends a little later.
const LATE_NS: i64 = 20_000;

/// GOMAXPROCS is 2 or more, one goroutine ran for 70 % of the trace, all others together for at
/// most half of that, and costly waiting is under 0.1 on average.
fn one_at_a_time(scene: &Scene<'_>, found: &mut Found) {
    let Some((row, most)) =
        scene.lives.iter().enumerate().max_by_key(|(row, life)| (life.run_ns, usize::MAX - row))
    else {
        return;
    };
    let costly = scene
        .verdicts
        .sums
        .iter()
        .fold(0i64, |sum, slot| sum.saturating_add(slot.of(Verdict::Costly)));
    let others = scene.running - most.run_ns;
    if scene.analysis.totals.gomaxprocs < 2
        || i128::from(most.run_ns) * 10 < i128::from(scene.duration) * 7
        || others.saturating_mul(2) > most.run_ns
        || costly.saturating_mul(10) >= scene.duration
    {
        return;
    }
    let go = &scene.stays.gos[row];
    let idle = percent(scene.stays.sched.idle_ns(), scene.duration);
    let mut finding = Finding::new(
        Code::OneAtATime,
        None,
        most.run_ns,
        format!(
            "One goroutine{} ran for {} of the trace; of GOMAXPROCS {} a P was idle for {idle}",
            name_of(scene, GoRow(row as u32)),
            percent(most.run_ns, scene.duration),
            count(scene.analysis.totals.gomaxprocs),
        ),
    );
    finding.detail = vec![
        format!("goroutine {} ran {}", go.id.0, duration(most.run_ns)),
        format!("all others together ran {}", duration(others)),
        format!("costly waiting is {} on average", scene.on_average(costly)),
        format!(
            "{} there in all",
            counted(
                (scene.lives.len() + scene.stays.briefs.len()) as u64,
                "goroutine",
                "goroutines"
            )
        ),
    ];
    found.push(finding);
}

/// `, main.main,`: the function that a goroutine's work begins with, as far as its stacks tell.
fn name_of(scene: &Scene<'_>, g: GoRow) -> String {
    let go = scene.stays.go(g);
    let func = func(scene.analysis, go);
    if func.is_some() {
        return format!(", {},", crate::text::plain(scene.analysis.str(func)));
    }
    let mut stack = go.entry;
    let mut row = go.last;
    while row != StayRow::NONE && scene.analysis.stack(stack).is_empty() {
        let stay = scene.stays.stay(row);
        if stay.kind != StayKind::Born {
            stack = scene.stack_of(stay.slot);
        }
        row = stay.prev;
    }
    let root = scene.analysis.stack(stack).last();
    root.map_or_else(String::new, |&f| {
        let func = scene.analysis.str(scene.analysis.tables.frame(f).func);
        format!(", {},", crate::text::plain(func))
    })
}
