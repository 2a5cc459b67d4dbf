//! The operations of a line: what on it can wait, allocate or start a goroutine.
//!
//! They are read from the text alone, without types, and so err towards "may": `range` may be over
//! a channel, a method called `Wait` may wait.

/// A set of operations.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Operations(u16);

impl Operations {
    /// `ch <- v`.
    pub const SEND: Self = Self(1 << 0);
    /// `<-ch`.
    pub const RECEIVE: Self = Self(1 << 1);
    /// `for … range x`, where `x` may be a channel.
    pub const RANGE: Self = Self(1 << 2);
    /// `select`.
    pub const SELECT: Self = Self(1 << 3);
    /// A call of a method by the name of one that waits in `sync` and its like: `Lock`, `Wait`, ….
    pub const LOCK: Self = Self(1 << 4);
    /// A call, of a function of which nothing is known.
    pub const CALL: Self = Self(1 << 5);
    /// `go`.
    pub const GO: Self = Self(1 << 6);
    /// `defer`.
    pub const DEFER: Self = Self(1 << 7);
    /// `return`, which runs deferred calls.
    pub const RETURN: Self = Self(1 << 8);
    /// The end of a block; the end of a function runs deferred calls.
    pub const CLOSE_BRACE: Self = Self(1 << 9);
    /// What may allocate, calls aside.
    pub const ALLOC: Self = Self(1 << 10);
    /// A call of what is a value, or looks like one: what runs has a name of its own, which the line need not have.
    pub const VALUE: Self = Self(1 << 11);

    const NAMES: [(Self, &str); 12] = [
        (Self::SEND, "send"),
        (Self::RECEIVE, "receive"),
        (Self::RANGE, "range"),
        (Self::SELECT, "select"),
        (Self::LOCK, "lock"),
        (Self::CALL, "call"),
        (Self::GO, "go"),
        (Self::DEFER, "defer"),
        (Self::RETURN, "return"),
        (Self::CLOSE_BRACE, "close_brace"),
        (Self::ALLOC, "alloc"),
        (Self::VALUE, "value"),
    ];

    /// Both sets.
    pub(crate) const fn or(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// Whether the set has all of `others`.
    pub const fn contains(self, others: Self) -> bool {
        self.0 & others.0 == others.0
    }

    /// Whether the set has any of `others`.
    pub const fn intersects(self, others: Self) -> bool {
        self.0 & others.0 != 0
    }

    /// Whether nothing is known to wait here.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl std::ops::BitOr for Operations {
    type Output = Self;

    fn bitor(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }
}

impl std::ops::BitOrAssign for Operations {
    fn bitor_assign(&mut self, others: Self) {
        self.0 |= others.0;
    }
}

impl std::fmt::Debug for Operations {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = Self::NAMES
            .iter()
            .filter(|(operation, _)| self.contains(*operation))
            .map(|(_, name)| *name)
            .collect();
        f.write_str(&names.join(" "))
    }
}
