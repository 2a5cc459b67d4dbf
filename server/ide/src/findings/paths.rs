//! Sleeps and system calls for which others wait.

use super::scene::{BIG, Scene, Site};
use super::{Code, Finding, Found, NEAR, part};
use crate::kinds::{are_in_c, stacks_of};
use crate::units::{count, counted, duration, percent};
use crate::verdicts::{Verdict, WaitKind};

pub(super) fn find(scene: &Scene<'_>, found: &mut Found) {
    for site in scene.sites.iter().filter(|site| scene.may_matter(site)) {
        match site.kind {
            WaitKind::Sleep => sleeps(scene, site, found),
            WaitKind::Syscall => syscalls(scene, site, found),
            _ => {}
        }
    }
}

/// Big, and not in a test's own file: tests sleep to give others time, and mean it.
fn sleeps(scene: &Scene<'_>, site: &Site, found: &mut Found) {
    let costly = site.judged(|judgement, _| judgement.verdict == Verdict::Costly);
    if !scene.is_big(costly.ns) || scene.is_test(site.frame) {
        let wait = costly.worst.map(|row| scene.wait(row));
        let what = format!(
            "Sleeps {} while others wait for it, in {}",
            duration(costly.ns),
            counted(costly.n, "sleep", "sleeps")
        );
        let limits = [(scene.bigness(costly.ns), BIG)];
        return found.near(Code::SleepInPath, Some(site.frame), wait, what, &limits);
    }
    let times = if costly.n == 1 { "sleep" } else { "sleeps" };
    let mut finding = Finding::new(
        Code::SleepInPath,
        Some(site.frame),
        costly.ns,
        format!(
            "Sleeps {} while others wait for it, in {} {times}",
            duration(costly.ns),
            count(costly.n)
        ),
    );
    finding.detail = vec![
        scene.figures(&costly),
        format!("somebody waits for {} of all sleeping here", percent(costly.ns, site.ns)),
    ];
    if let Some(worst) = costly.worst {
        scene.instance(site.frame, worst, "the longest sleep", &mut finding.related);
    }
    found.push(finding);
}

/// Calls that are shorter on average are not worth a word, in nanoseconds.
const SHORT_NS: i64 = 100_000;

/// A third of the site is costly or more, a third of that surely so, big, and 100 µs or more each.
/// Surely: by strong demand, not only for the sake of the whole run. Not half, as one would think:
/// a lock that was handed over does not wake anybody again, so a file that is synced under a lock
/// for which everybody waits has only 41 % of it (fsynclock).
fn syscalls(scene: &Scene<'_>, site: &Site, found: &mut Found) {
    let costly = site.judged(|judgement, _| judgement.verdict == Verdict::Costly);
    let each = costly.ns.checked_div(costly.n as i64).unwrap_or(0);
    let is_far = |figure, limit| part(figure, limit) < NEAR;
    if is_far(costly.ns.saturating_mul(3), site.ns) || is_far(each, SHORT_NS) {
        return;
    }
    let runs = match are_in_c(scene.analysis, &stacks_of(scene.analysis, &site.slots)) {
        true => "Runs C code",
        false if scene.is_in(costly.worst, "os.(*Process)") => "Waits for child processes",
        false => "Is in system calls",
    };
    let sure = site.waits.iter().fold(0i64, |sum, &row| {
        let is_costly = scene.judgement(row).is_some_and(|j| j.verdict == Verdict::Costly);
        let ns = || i64::from(scene.verdicts.demanded(scene.stays, row));
        if is_costly { sum.saturating_add(ns()) } else { sum }
    });
    if costly.ns.saturating_mul(3) < site.ns
        || sure.saturating_mul(3) < costly.ns
        || !scene.is_big(costly.ns)
        || costly.ns < i64::try_from(costly.n).unwrap_or(i64::MAX).saturating_mul(SHORT_NS)
    {
        let wait = costly.worst.map(|row| scene.wait(row));
        let what = format!(
            "{runs} for {} while others wait for it, in {}",
            duration(costly.ns),
            counted(costly.n, "call", "calls")
        );
        let limits = [
            (part(costly.ns.saturating_mul(3), site.ns), "at least a third of the calls' time"),
            (part(sure.saturating_mul(3), costly.ns), "somebody surely waits for a third of it"),
            (scene.bigness(costly.ns), BIG),
            (part(each, SHORT_NS), "at least 100 µs a call"),
        ];
        return found.near(Code::SyscallInPath, Some(site.frame), wait, what, &limits);
    }
    let times = if costly.n == 1 { "call" } else { "calls" };
    let mut finding = Finding::new(
        Code::SyscallInPath,
        Some(site.frame),
        costly.ns,
        format!(
            "{runs} for {} while others wait for it, in {} {times} of {} on average",
            duration(costly.ns),
            count(costly.n),
            duration(each)
        ),
    );
    finding.detail = vec![
        scene.figures(&costly),
        format!("somebody waits for {} of the calls' time here", percent(costly.ns, site.ns)),
    ];
    if let Some(worst) = costly.worst {
        scene.instance(site.frame, worst, "the longest call", &mut finding.related);
    }
    found.push(finding);
}
