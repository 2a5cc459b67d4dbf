#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use hashbrown::HashSet;

use super::*;
use crate::analysis::Builder;
use crate::goroutines::{groups, lives};
use crate::jobs::InTurn;
use crate::lines::is_user_by_name;
use crate::verdicts::{Facts, judge};

fn all_of(trace: &[u8], user: impl Fn(&str) -> bool + Sync) -> Found {
    let mut builder = Builder::new().with_stays();
    builder.space(trace.len()).copy_from_slice(trace);
    builder.filled(trace.len());
    let analysis = builder.finish().unwrap();
    let own = |f| is_user_by_name(analysis.str(analysis.tables.frame(f).func));
    let facts = Facts::new(&analysis, &own);
    let (verdicts, blame) = judge(&analysis, facts, &|_| None, &InTurn(1)).unwrap();
    let stays = analysis.stays.as_ref().unwrap();
    let lives = lives(&analysis, stays);
    let groups = groups(&analysis, stays, &verdicts.facts, &lives);
    let user = |f| user(analysis.str(analysis.tables.frame(f).func));
    let stood = crate::assists::stood(&analysis);
    let (verdicts, blame) = (&verdicts, &blame);
    let known = Known { verdicts, blame, lives: &lives, groups: &groups, stood: &stood };
    find(&analysis, &known, &user, &InTurn(1))
}

fn of(trace: &[u8], user: impl Fn(&str) -> bool + Sync) -> Vec<Finding> {
    all_of(trace, user).findings
}

const GCMIX: &[u8] = include_bytes!("../../../../testdata/traces/g126/gcmix.trace");

#[test]
fn names_are_for_good() {
    for code in CODES {
        assert_eq!(Code::parse(code.as_str()), Some(code));
    }
    assert_eq!(Code::parse("tail-outlier"), None);
}

/// The dearest first, one for each code and line, the same each time. Other lines of the program have
/// assists that mostly stand still, and waits for the collector below a library: neither is theirs.
#[test]
fn findings_are_in_order() {
    let found = of(GCMIX, is_user_by_name);
    let codes: Vec<Code> = found.iter().map(|f| f.code).collect();
    assert_eq!(codes, [Code::GcAssistHot, Code::GcAssistHot, Code::StwStall], "{found:#?}");
    assert!(found.is_sorted_by(|a, b| a.ns >= b.ns), "{found:#?}");
    let places: HashSet<_> = found.iter().map(|f| (f.code, f.frame)).collect();
    assert_eq!(places.len(), found.len());
    assert_eq!(found, of(GCMIX, is_user_by_name));
}

/// Lines where none may stand have none; what is about the whole trace stays.
#[test]
fn findings_stand_on_the_lines_given() {
    let found = of(GCMIX, |_| false);
    assert!(found.iter().all(|f| f.frame.is_none()), "{found:#?}");
    assert!(!found.is_empty());
}

/// A trace in which a function has another name of the same length.
fn renamed(trace: &[u8], was: &[u8], is: &[u8]) -> Vec<u8> {
    assert_eq!(was.len(), is.len());
    let mut trace = trace.to_vec();
    for at in 0..trace.len() - was.len() {
        if trace[at..].starts_with(was) {
            trace[at..at + is.len()].copy_from_slice(is);
        }
    }
    trace
}

/// Calls of C and waits for children count as system calls, and the first run of a Once as a lock; they are told
/// as what they are.
#[test]
fn waits_are_told_as_what_they_are() {
    let synced = include_bytes!("../../../../testdata/truth/traces/fsynclock.trace");
    let locked = include_bytes!("../../../../testdata/truth/traces/convoy.trace");
    let (fsync, lock) = (b"syscall.Fsync", b"sync.(*Mutex).Lock");
    let cases = [
        (synced.to_vec(), Code::SyscallInPath, "Is in system calls for "),
        (renamed(synced, fsync, b"os._Cfunc_fsy"), Code::SyscallInPath, "Runs C code for "),
        (
            renamed(synced, fsync, b"os.(*Process)"),
            Code::SyscallInPath,
            "Waits for child processes for ",
        ),
        (locked.to_vec(), Code::LockContention, "Waits 392 ms for a lock, in 682 waits"),
        (
            renamed(locked, lock, b"sync.(*Once).doSlo"),
            Code::LockContention,
            "Waits 392 ms for the first run of a sync.Once, in 682 waits",
        ),
    ];
    for (trace, code, words) in cases {
        let found = of(&trace, is_user_by_name);
        let told: Vec<_> = found.iter().filter(|f| f.code == code).collect();
        assert_eq!(told.len(), 1, "{found:#?}");
        assert!(told[0].message.starts_with(words), "{words}: {told:#?}");
    }
}

/// What fell short is told once for each code and line, the nearest first, and is no finding.
#[test]
fn what_fell_short_is_told_with_its_limit() {
    for trace in [GCMIX, include_bytes!("../../../../testdata/traces/g126/webmix.trace")] {
        let Found { findings, looked } = all_of(trace, is_user_by_name);
        assert!((2..=MOST_LOOKED).contains(&looked.len()), "{looked:#?}");
        assert!(looked.is_sorted_by(|a, b| a.nearness >= b.nearness));
        let told: HashSet<_> = findings.iter().map(|f| (f.code, f.frame)).collect();
        let mut seen = HashSet::new();
        for one in &looked {
            assert!((NEAR..1.0).contains(&one.nearness), "{one:?}");
            assert!(!one.limit.is_empty() && !one.message.ends_with('.'), "{one:?}");
            assert!(!told.contains(&(one.code, one.frame)), "{one:?}");
            assert!(seen.insert((one.code, one.frame)), "{one:?}");
        }
    }
}
