//! What is shown of an index while it is being made.
//!
//! Only who makes it has it, and answers between two pieces of the file: nobody sees half of anything,
//! and what is seen is of one version of one file. For that it takes at most a fortieth of its time;
//! what is too much waits for its turn, and what is left at the end for the whole index.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ide::timeline::{Builder, Index, Key};
use tokio::sync::oneshot;

/// Of so many parts of the time one goes to answers.
const SHARE: u32 = 40;
/// How often it is told how far it is.
const EVERY: Duration = Duration::from_millis(100);

type Ask = Box<dyn FnOnce(&Index) + Send>;

/// How far an index is.
#[derive(Debug, Clone, Default)]
pub(super) struct SoFar {
    /// Up to where lanes are there, in nanoseconds.
    pub(super) until: i64,
    /// The lanes that can be looked at.
    pub(super) lanes: Vec<String>,
}

/// How requests reach an index that is being made.
pub(super) struct Growing {
    asks: Sender<Ask>,
    /// Held for moments.
    so_far: Mutex<SoFar>,
}

/// How who makes it answers them.
pub(super) struct Answering {
    asks: Receiver<Ask>,
    growing: Arc<Growing>,
    began: Instant,
    spent: Duration,
    told: Option<Instant>,
}

pub(super) fn new() -> (Arc<Growing>, Answering) {
    let (sender, asks) = channel();
    let growing = Arc::new(Growing { asks: sender, so_far: Mutex::default() });
    let answering = Answering {
        asks,
        growing: growing.clone(),
        began: Instant::now(),
        spent: Duration::ZERO,
        told: None,
    };
    (growing, answering)
}

impl Growing {
    pub(super) fn so_far(&self) -> SoFar {
        self.so_far.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What the index so far says; `None` if it was whole, or given up, before it could answer.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Index) -> T + Send + 'static,
    ) -> Option<T> {
        let (tell, told) = oneshot::channel();
        let ask = Box::new(move |index: &Index| {
            // Nobody may wait any more.
            let _ = tell.send(question(index));
        });
        self.asks.send(ask).ok()?;
        told.await.ok()
    }
}

impl Answering {
    /// Called between two pieces of the file.
    pub(super) fn turn(&mut self, builder: &mut Builder) {
        let now = Instant::now();
        if self.told.is_none_or(|told| now.duration_since(told) >= EVERY) {
            self.told = Some(now);
            let so_far = so_far(builder.so_far());
            *self.growing.so_far.lock().unwrap_or_else(PoisonError::into_inner) = so_far;
        }
        while self.spent * SHARE <= self.began.elapsed() {
            let Ok(ask) = self.asks.try_recv() else { break };
            let begun = Instant::now();
            ask(builder.so_far());
            self.spent += begun.elapsed();
        }
    }
}

fn so_far(index: &Index) -> SoFar {
    let mut lanes = super::answers::lanes_of(index, &[]);
    lanes.retain(|lane| Key::parse(lane).is_some_and(|key| key.grows()));
    SoFar { until: index.end, lanes }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const TRACE: &[u8] = include_bytes!("../../../../../testdata/traces/g126/webmix.trace");

    fn half() -> Builder {
        let mut builder = Builder::new(None);
        let half = &TRACE[..TRACE.len() / 2];
        builder.space(half.len()).copy_from_slice(half);
        builder.filled(half.len());
        builder
    }

    #[tokio::test]
    async fn who_makes_it_answers_until_it_is_made() {
        let (growing, mut answering) = new();
        assert!(growing.so_far().lanes.is_empty());
        let ask = growing.ask(|index| index.end);
        let mut ask = std::pin::pin!(ask);
        let waits = tokio::time::timeout(Duration::from_millis(20), &mut ask);
        assert!(waits.await.is_err(), "nobody has a turn");
        let mut builder = half();
        answering.turn(&mut builder);
        let until = ask.await.unwrap();
        // Only whole generations are looked at: this file has one, and half of it is none.
        assert_eq!(until, growing.so_far().until);
        drop(answering);
        assert_eq!(growing.ask(|index| index.end).await, None);
    }

    #[tokio::test]
    async fn no_more_than_its_share_goes_to_answers() {
        let (growing, mut answering) = new();
        let mut builder = half();
        let long = Duration::from_millis(20);
        let slow = move |_: &Index| std::thread::sleep(long);
        let asks = [growing.clone(), growing]
            .map(|growing| tokio::spawn(async move { growing.ask(slow).await }));
        tokio::task::yield_now().await;
        for _ in 0..100 {
            answering.turn(&mut builder);
            tokio::task::yield_now().await;
        }
        assert!(answering.spent >= long && answering.spent < 2 * long, "{:?}", answering.spent);
        drop(answering);
        let [first, second] = asks;
        assert_eq!((first.await.unwrap(), second.await.unwrap()), (Some(()), None));
    }
}
