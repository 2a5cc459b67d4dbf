//! Faults on demand: a panic at a place that a test names, so that it can be seen what one costs.
//!
//! Only builds with debug assertions hold this. In one that is released [`point`] is nothing, and
//! the request that asks for faults is as unknown as any other name.

/// What asks for faults: `{"at", "times"?}`, the next that often at a place; `{"oneIn", "seed"}`, by
/// chance at any; nothing, no more. The answer is how many there were so far.
#[cfg(debug_assertions)]
pub(super) const METHOD: &str = "waitline/fault";

/// Nothing can go wrong here.
#[cfg(not(debug_assertions))]
pub(super) fn point(_place: &str) {}

#[cfg(debug_assertions)]
pub(super) use on_demand::{ask, point};

#[cfg(debug_assertions)]
mod on_demand {
    use std::sync::{Mutex, PoisonError};

    use serde_json::{Value, json};

    use super::METHOD;

    struct Wanted {
        at: String,
        times: u64,
        one_in: u64,
        random: u64,
        n: u64,
    }

    static WANTED: Mutex<Wanted> =
        Mutex::new(Wanted { at: String::new(), times: 0, one_in: 0, random: 0, n: 0 });

    /// Panics here, if that is wanted. A place is `handler METHOD`, `work`, `index` or `lock`.
    #[allow(clippy::panic)] // what it is for
    pub(in crate::lsp) fn point(place: &str) {
        let is_now = {
            let mut wanted = WANTED.lock().unwrap_or_else(PoisonError::into_inner);
            wanted.is_now(place)
        };
        if is_now {
            panic!("a fault on demand, at {place}");
        }
    }

    impl Wanted {
        fn is_now(&mut self, place: &str) -> bool {
            if place.ends_with(METHOD) {
                return false;
            }
            let by_chance = self.one_in > 0 && {
                self.random = self
                    .random
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                (self.random >> 33).is_multiple_of(self.one_in)
            };
            let here = self.times > 0 && place == self.at;
            self.times -= u64::from(here);
            self.n += u64::from(here || by_chance);
            here || by_chance
        }
    }

    /// Says where there shall be faults from now on.
    pub(in crate::lsp) fn ask(params: &Value) -> Value {
        let mut wanted = WANTED.lock().unwrap_or_else(PoisonError::into_inner);
        let number = |key: &str| params.get(key).and_then(Value::as_u64);
        wanted.at = params["at"].as_str().unwrap_or_default().to_owned();
        wanted.times = if wanted.at.is_empty() { 0 } else { number("times").unwrap_or(1) };
        wanted.one_in = number("oneIn").unwrap_or(0);
        wanted.random = number("seed").unwrap_or(0);
        json!({ "faults": wanted.n })
    }
}
