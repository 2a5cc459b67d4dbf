use exectrace::StackId;

use super::*;

/// Numbers without a pattern.
pub(in crate::stays) struct Dice(pub(in crate::stays) u64);

impl Dice {
    pub(in crate::stays) fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) % n
    }
}

/// What a stay is, as it was pushed, and how long its goroutine was runnable then.
type Plain = (Stay, i64);

fn fields(stay: &Stay) -> impl PartialEq + std::fmt::Debug {
    let Stay { start, end, slot, g, prev, waker, waker_last, waker_stack, prev_wake, kind, open } =
        *stay;
    ((start, end, slot, g, prev, kind, open), (waker, waker_last, waker_stack, prev_wake))
}

fn same(table: &Table, plain: &[Plain]) {
    assert_eq!(table.len(), plain.len());
    for (row, (stay, runnable)) in (0u32..).map(StayRow).zip(plain) {
        assert_eq!(fields(&table.stay(row)), fields(stay), "{row:?}");
        assert_eq!(table.runnable(row), *runnable, "{row:?}");
        let (again, runnable_again) = table.stay_and_runnable(row);
        assert_eq!((fields(&again), runnable_again), (fields(stay), *runnable), "{row:?}");
        assert_eq!((table.end(row), table.g(row)), (stay.end.0, stay.g));
        assert_eq!((table.slot(row), table.kind(row)), (stay.slot, Some(stay.kind)));
    }
}

fn push(table: &mut Table, plain: &mut Vec<Plain>, dice: &mut Dice, t: i64) {
    let n = plain.len() as u64;
    let before = |dice: &mut Dice| match dice.below(n + 1) {
        row if row == n => StayRow::NONE,
        row => StayRow(row as u32),
    };
    let kind = KINDS[dice.below(4) as usize];
    let long = [9, 1_000, 5_000_000_000][dice.below(3) as usize];
    let ns = match kind {
        StayKind::Born | StayKind::Stop => 0,
        StayKind::Wait | StayKind::Syscall => dice.below(long) as i64,
    };
    let has_wake = match kind {
        StayKind::Born | StayKind::Wait => true,
        StayKind::Syscall => dice.below(2) == 0,
        StayKind::Stop => false,
    };
    let wake = match dice.below(3) {
        0 => Wake::BY_NONE,
        _ => Wake {
            waker: GoRow(dice.below(9) as u32),
            last: before(dice),
            stack: [StackId::NONE, StackId(dice.below(1 << 27) as u32)][dice.below(2) as usize],
            prev: before(dice),
        },
    };
    let slot = [SlotId::NONE, SlotId(dice.below(1_000) as u32)][dice.below(2) as usize];
    let new = New {
        end: Nanos(t),
        ns,
        kind,
        slot,
        g: GoRow([dice.below(9), dice.below(1 << 28)][dice.below(2) as usize] as u32),
        prev: before(dice),
        open: dice.below(5) == 0,
        wake: has_wake.then_some(wake),
    };
    table.push(&new);
    let Wake { waker, last, stack, prev } = new.wake.unwrap_or(Wake::BY_NONE);
    let stay = Stay {
        start: Nanos(t - ns),
        end: Nanos(t),
        slot,
        g: new.g,
        prev: new.prev,
        waker,
        waker_last: last,
        waker_stack: stack,
        prev_wake: prev,
        kind,
        open: new.open,
    };
    let row = StayRow(plain.len() as u32);
    let runnable = if dice.below(3) > 0 { dice.below(long) as i64 } else { 0 };
    table.set_runnable(row, runnable);
    plain.push((stay, runnable));
}

/// Whatever the times are, they are kept; rows that are taken out leave all others as they were.
#[test]
fn what_was_pushed_is_there() {
    let mut dice = Dice(7);
    for _ in 0..20 {
        let (mut table, mut plain, mut t) = (Table::default(), Vec::new(), 5_000_000_000);
        for _ in 0..500 {
            // The first of a generation can lie before the last of the one before.
            t += match dice.below(40) {
                0 => 3_000_000_000,
                1 => -2_500_000_000,
                _ => dice.below(2_000) as i64,
            };
            push(&mut table, &mut plain, &mut dice, t);
            if dice.below(8) == 0 {
                let row = StayRow(dice.below(plain.len() as u64) as u32);
                // Some are more than fit into a row.
                let slot = SlotId(dice.below(1 << 20) as u32);
                table.set_slot(row, slot);
                plain[row.0 as usize].0.slot = slot;
            }
        }
        same(&table, &plain);

        let from = dice.below(400) as usize;
        let gone: Vec<bool> = (from..500)
            .map(|row| plain[row].0.kind == StayKind::Born && dice.below(2) == 0)
            .collect();
        let is_gone = |row: StayRow| {
            (row.0 as usize) < 500 && row.0 as usize >= from && gone[row.0 as usize - from]
        };
        let go = |g: &mut GoRow| {
            if g.0 < 9 {
                g.0 += 100
            }
        };
        // In the order of the rows, a wake skips to one that stays or was looked at before.
        for row in from..500 {
            let prev = plain[row].0.prev_wake;
            if is_gone(prev) {
                plain[row].0.prev_wake = plain[prev.0 as usize].0.prev_wake;
            }
        }
        let moved = table.take_out(from, &gone, &go);
        let kept = (0u32..500).map(StayRow).filter(|&row| !is_gone(row));
        let plain: Vec<Plain> = kept
            .map(|row| {
                let (mut stay, runnable) = plain[row.0 as usize];
                if row.0 as usize >= from {
                    go(&mut stay.g);
                    go(&mut stay.waker);
                    for row in [&mut stay.prev, &mut stay.waker_last, &mut stay.prev_wake] {
                        moved.stay(row);
                    }
                }
                (stay, runnable)
            })
            .collect();
        same(&table, &plain);
    }
}
