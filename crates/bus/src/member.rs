//! A member at work: it requests events, has them handled, and settles each.

mod leaving;

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use async_nats::Message;
use events::Decode;
use futures_util::{
    FutureExt, StreamExt,
    stream::{LocalBoxStream, SelectAll},
};
use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior, interval, sleep, sleep_until},
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    Delivery, Failure, GroupError, History,
    delivery::Parcel,
    group::Batches,
    hand::{Hand, Next},
    handler::{Handler, Outcome},
    joining::Source,
    link::{Arrival, Link},
    outage::Outage,
    pull::Pulled,
    settle,
    underway::Underway,
};

/// Number of requests' worth of events that a member has buffered and on request.
const READ_AHEAD: usize = 3;

/// Size limit in bytes of the events that a member has buffered and in work; below it, it requests more.
/// Events that are requested already come on top; together it has to leave room in the 256 MiB of a
/// container.
const ENOUGH_BYTES: usize = 32 << 20;

/// The least that a member reads ahead when it handles events one by one.
const LEAST_REQUEST: usize = 10;

/// Time that a process which deleted a group's consumer may take to recreate it.
const MADE_ANEW: Duration = Duration::from_millis(500);

/// Time that a member sleeps when it waits for nothing in particular.
const IDLE: Duration = Duration::from_secs(10);

/// One member of a group, from joining to leaving.
pub(crate) struct Member<'g, E, F> {
    handler: &'g Handler<'g, F>,
    source: Source,
    batches: Batches,
    stop: CancellationToken,
    connected: watch::Receiver<bool>,
    link: Link<'g>,
    /// Set while the member joins again only to make sure that its consumer is still there.
    renewing: bool,
    /// Messages in flight to consumers that were given up.
    late: SelectAll<LocalBoxStream<'g, (Arc<History>, Message)>>,
    hand: Hand<E>,
    running: Underway<'g, Outcome<E>>,
    /// Messages that cannot be decoded become dead letters beside all else, so that they hold nothing up.
    putting_away: Underway<'g, Outcome<E>>,
    next_start: Instant,
    outage: Option<Outage>,
    /// Deadline after the stop, when the member leaves even if messages are still in flight. `None`
    /// before the stop.
    leave_by: Option<Instant>,
}

impl<'g, E, F> Member<'g, E, F>
where
    E: Decode + 'g,
    F: AsyncFn(&[Delivery<E>]) -> Result<(), Failure>,
{
    pub(crate) fn new(
        handler: &'g Handler<'g, F>,
        source: Source,
        batches: Batches,
        stop: CancellationToken,
    ) -> Self {
        Self {
            connected: handler.group.bus.connected(),
            link: Link::Ended,
            renewing: false,
            late: SelectAll::new(),
            hand: Hand::new(),
            running: Underway::new(),
            putting_away: Underway::new(),
            next_start: Instant::now(),
            outage: None,
            leave_by: None,
            handler,
            source,
            batches,
            stop,
        }
    }

    /// Works until the stop, and then until every event that was delivered is settled or given back.
    pub(crate) async fn run(mut self) -> Result<(), GroupError> {
        let mut keep_alive = interval(self.handler.group.patience.reminder());
        keep_alive.set_missed_tick_behavior(MissedTickBehavior::Delay);
        self.join();
        loop {
            self.start();
            if self.is_done() {
                self.give_back().await;
                return Ok(());
            }
            self.ask().await;
            let wake_at = self.wake_at();
            tokio::select! {
                () = self.stop.cancelled(), if self.leave_by.is_none() => self.leave(),
                Some(outcome) = self.running.next() => self.note(outcome),
                Some(_) = self.putting_away.next() => {}
                arrival = self.link.arrival() => self.take(arrival)?,
                late = self.late.next(), if !self.late.is_empty() => {
                    // `None` is the end of the last of them, for which the stop may be waiting.
                    if let Some((stream, message)) = late {
                        self.receive(&stream, message);
                    }
                }
                Ok(()) = self.connected.changed() => self.reconnected(),
                _ = keep_alive.tick() => self.keep_alive().await,
                () = sleep_until(wake_at) => {}
            }
        }
    }

    fn largest_request(&self) -> usize {
        self.batches.size.max(LEAST_REQUEST)
    }

    /// Joins the group. Messages in flight to the consumer that it had before still come.
    fn join(&mut self) {
        self.join_after(Duration::ZERO);
    }

    fn join_after(&mut self, wait: Duration) {
        self.renewing = false;
        let (group, source, largest_request) =
            (self.handler.group, self.source, self.largest_request());
        let joining = async move {
            sleep(wait).await;
            group.join(source, largest_request).await
        };
        let joining = joining.boxed_local();
        if let Link::Open(left) = std::mem::replace(&mut self.link, Link::Joining(joining)) {
            self.late.push(left.drain().boxed_local());
        }
    }

    /// Starts to handle what can be handled now.
    fn start(&mut self) {
        let now = Instant::now();
        let (at_once, size) = match &self.outage {
            None => (self.batches.at_once, self.batches.size),
            Some(outage) if now >= outage.look_at() => (1, outage.size()),
            Some(_) => (0, 0),
        };
        while self.running.len() < at_once && now >= self.next_start {
            let is_coming = self.link.is_awaited();
            let (handler, before) = (self.handler, self.hand.bytes());
            let next = self.hand.next(size, is_coming);
            let bytes = before - self.hand.bytes();
            match next {
                None => return,
                Some(Next::Events(batch)) => self.running.begin(bytes, handler.settle(batch)),
                Some(Next::Suspect(one)) => self.running.begin(bytes, handler.examine(*one)),
            }
            self.next_start = now + self.batches.pace;
        }
    }

    /// Returns the time at which something is to be done that cannot be done now.
    fn wake_at(&self) -> Instant {
        let now = Instant::now();
        let idle = now + IDLE;
        let next = match &self.outage {
            Some(outage) if self.running.is_empty() => outage.look_at().max(self.next_start),
            None if self.running.len() < self.batches.at_once
                && self.hand.has_next(self.link.is_awaited()) =>
            {
                self.next_start
            }
            _ => idle,
        };
        next.min(self.leave_by.filter(|at| *at > now).unwrap_or(idle))
    }

    async fn ask(&mut self) {
        if self.hand.has_suspects() {
            // Every event that is buffered when a member dies was delivered once more for nothing.
            return;
        }
        if self.hand.bytes() + self.running.bytes() + self.putting_away.bytes() >= ENOUGH_BYTES {
            return;
        }
        let in_hand = self.hand.len() + self.putting_away.len();
        let room = (self.largest_request() * READ_AHEAD).saturating_sub(in_hand);
        let (Link::Open(joined), None) = (&mut self.link, &self.outage) else {
            return;
        };
        if room > 0 && joined.pull.is_stale() {
            self.join();
            self.renewing = true;
        } else if let Err(error) = joined.pull.top_up(room).await {
            warn!("cannot ask for events: {error}");
            self.join();
        }
    }

    /// Takes an arrival, and those that are there already.
    fn take(&mut self, arrival: Arrival) -> Result<(), GroupError> {
        let mut next = Some(arrival);
        while let Some(arrival) = next {
            match arrival {
                Arrival::Joined(joined) => {
                    self.link = Link::Open(Box::new(joined?));
                    if !self.renewing {
                        self.handler.group.announce(self.source);
                    }
                    self.report(self.outage.is_none());
                }
                Arrival::Pulled(stream, Pulled::Message(message)) => {
                    self.receive(&stream, message);
                }
                Arrival::Pulled(_, Pulled::Unfilled) => {}
                Arrival::Pulled(_, Pulled::Lost(reason)) => {
                    warn!("joining the group again: {reason}");
                    self.report(false);
                    self.join();
                }
                Arrival::Pulled(_, Pulled::Gone(reason)) => {
                    warn!("joining the group again: {reason}");
                    self.report(false);
                    self.join_after(MADE_ANEW);
                }
            }
            let more = matches!(self.link, Link::Open(..)) && self.hand.len() < self.batches.size;
            next = if more { self.link.arrival_now() } else { None };
        }
        Ok(())
    }

    fn receive(&mut self, stream: &Arc<History>, message: Message) {
        let Some(mut parcel) = Parcel::open(message, stream) else {
            return;
        };
        if self.handler.group.bus.spans.is_some() {
            parcel.arrived = Some(SystemTime::now());
        }
        let Some(mut parcel) = self.hand.suspect(parcel) else {
            return;
        };
        match self.handler.read(&mut parcel) {
            Ok(received) => self.hand.take(Delivery {
                received,
                message: parcel,
            }),
            Err(reason) => {
                let (handler, bytes) = (self.handler, parcel.bytes());
                self.putting_away
                    .begin(bytes, handler.put_away(parcel, reason));
            }
        }
    }

    fn note(&mut self, outcome: Outcome<E>) {
        let now = Instant::now();
        match outcome {
            Outcome::PutAway => {}
            Outcome::Settled => {
                if let Some(outage) = &mut self.outage {
                    outage.eases(now);
                }
                if let (Some(outage), false) = (&self.outage, self.hand.is_held_up()) {
                    info!("working again after {:.1} s", outage.seconds(now));
                    self.outage = None;
                    self.handler.group.endpoint.waits_for(None);
                    self.report(true);
                }
            }
            Outcome::Away(batch, reason) => {
                if self.outage.is_none() {
                    warn!("waiting: {reason}");
                    self.handler.group.endpoint.waits_for(Some(&reason));
                    self.report(false);
                }
                let outage = self.outage.get_or_insert_with(|| Outage::begin(now));
                outage.lasts(now, batch.len());
                self.hand.take_back(batch);
            }
        }
    }

    /// Reports whether the group works: its consumer is open and no outage holds it up. Replays do not
    /// count.
    fn report(&self, working: bool) {
        if self.source == Source::Events {
            self.handler.group.working.send_replace(working);
        }
    }

    /// Joins again: requests do not survive a reconnection, the stream may be another one, and what was
    /// requested while joining may never be answered.
    fn reconnected(&mut self) {
        let back = *self.connected.borrow_and_update();
        if back && self.leave_by.is_none() {
            self.join();
        }
    }

    async fn keep_alive(&self) {
        for message in self.hand.messages() {
            settle::in_work(&self.handler.group.bus.client, message).await;
        }
    }
}
