//! The rows as they are printed, and whether each keeps to what it is held to.

/// What a figure is held to, and what is to be reached where that is more.
#[derive(Clone, Copy)]
pub(crate) struct Limit {
    /// More than this misses.
    pub(crate) held: f64,
    /// Only said.
    pub(crate) reach: Option<f64>,
}

/// Held to this.
pub(crate) const fn held(held: f64) -> Limit {
    Limit { held, reach: None }
}

#[derive(Default)]
pub(crate) struct Report {
    /// What follows is too small to be held to anything.
    pub(crate) is_small: bool,
    n: usize,
    missed: Vec<String>,
    of: String,
    row: String,
}

impl Report {
    /// What follows is about this.
    pub(crate) fn about(&mut self, name: &str, text: &str) {
        name.clone_into(&mut self.of);
        println!("{name}: {text}");
    }

    /// A row, and what was measured.
    pub(crate) fn row(&mut self, what: &str, measured: &str) {
        what.clone_into(&mut self.row);
        println!("  {what:<34} {measured}");
    }

    /// A ratio of the row, at most so much.
    pub(crate) fn ratio(&mut self, ratio: f64, of: &str, limit: Limit) {
        let text = |ratio: f64| {
            if ratio < 1.0 && of.starts_with('(') {
                format!("1/{:.3}", 1.0 / ratio)
                    .trim_end_matches('0')
                    .trim_end_matches('.')
                    .to_owned()
            } else {
                format!("{ratio:.2}")
            }
        };
        let measured = if ratio < 1.0 && of.starts_with('(') {
            format!("1/{:.2} of {of}", 1.0 / ratio)
        } else {
            format!("{ratio:.2} x {of}")
        };
        self.judge(&measured, ratio, limit, text);
    }

    /// A figure of the row, at most so much.
    pub(crate) fn figure(&mut self, figure: f64, unit: &str, limit: Limit) {
        let text = |figure: f64| {
            format!("{figure:.2}").trim_end_matches('0').trim_end_matches('.').to_owned()
        };
        self.judge(&format!("{figure:.2} {unit}"), figure, limit, text);
    }

    fn judge(&mut self, measured: &str, figure: f64, limit: Limit, text: impl Fn(f64) -> String) {
        if self.is_small {
            println!("      {measured}");
            return;
        }
        self.n += 1;
        let holds = figure <= limit.held;
        let word = if holds { "holds" } else { "MISSED" };
        let reach = limit.reach.map_or_else(String::new, |reach| {
            let word = if figure <= reach { "reached" } else { "not reached" };
            format!("; to reach: {}, {word}", text(reach))
        });
        println!("      {measured:<30} {word}: at most {}{reach}", text(limit.held));
        if !holds {
            self.missed.push(format!("{}: {}: {measured}", self.of, self.row));
        }
    }

    pub(crate) fn not_run(&mut self, what: &str, why: &str) {
        println!("  {what:<34} not run: {why}");
    }

    /// Tells what was missed, and exits with 1 if something was.
    pub(crate) fn end(self) {
        println!("{} of {} figures hold", self.n - self.missed.len(), self.n);
        for missed in &self.missed {
            println!("  missed: {missed}");
        }
        std::process::exit(i32::from(!self.missed.is_empty()));
    }
}

/// A time in seconds, by its length.
pub(crate) fn seconds(seconds: f64) -> String {
    if seconds < 0.1 { format!("{:.1} ms", seconds * 1e3) } else { format!("{seconds:.2} s") }
}

/// Whole MiB.
pub(crate) fn mib(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}
