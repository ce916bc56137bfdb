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
    Delivery, GroupError, HandlerError, History, ack,
    buffer::{Buffer, Next},
    consumer::OriginStream,
    consumer_state::{ConsumerEvent, ConsumerState},
    delivery::RawMessage,
    dispatch::{Dispatcher, Outcome},
    group::Batches,
    in_flight::InFlight,
    outage::Outage,
    pull::PullEvent,
};

/// Number of requests' worth of events that a member has buffered and on request.
const READ_AHEAD: usize = 3;

/// Size limit in bytes of the events that a member has buffered and in work; below it, it requests more.
/// Events that are requested already come on top; together it has to leave room in the 256 MiB of a
/// container.
const MAX_BUFFERED_BYTES: usize = 32 << 20;

/// The least that a member reads ahead when it handles events one by one.
const MIN_REQUEST: usize = 10;

/// Time that a process which deleted a group's consumer may take to recreate it.
const RECREATE_DELAY: Duration = Duration::from_millis(500);

/// Time that a member sleeps when it waits for nothing in particular.
const IDLE_WAKEUP: Duration = Duration::from_secs(10);

/// One member of a group, from joining to leaving.
pub(crate) struct Worker<'g, E, F> {
    handler: &'g Dispatcher<'g, F>,
    source: OriginStream,
    batches: Batches,
    stop: CancellationToken,
    connected: watch::Receiver<bool>,
    consumer: ConsumerState<'g>,
    /// Set while the member joins again only to make sure that its consumer is still there.
    renewing: bool,
    /// Messages in flight to consumers that were given up.
    superseded: SelectAll<LocalBoxStream<'g, (Arc<History>, Message)>>,
    buffer: Buffer<E>,
    in_flight: InFlight<'g, Outcome<E>>,
    /// Messages that cannot be decoded become dead letters beside all else, so that they hold nothing up.
    dead_lettering: InFlight<'g, Outcome<E>>,
    next_start: Instant,
    outage: Option<Outage>,
    /// Deadline after the stop, when the member leaves even if messages are still in flight. `None`
    /// before the stop.
    deadline: Option<Instant>,
}

impl<'g, E, F> Worker<'g, E, F>
where
    E: Decode + 'g,
    F: AsyncFn(&[Delivery<E>]) -> Result<(), HandlerError>,
{
    pub(crate) fn new(
        handler: &'g Dispatcher<'g, F>,
        source: OriginStream,
        batches: Batches,
        stop: CancellationToken,
    ) -> Self {
        Self {
            connected: handler.group.bus.connected(),
            consumer: ConsumerState::Ended,
            renewing: false,
            superseded: SelectAll::new(),
            buffer: Buffer::new(),
            in_flight: InFlight::new(),
            dead_lettering: InFlight::new(),
            next_start: Instant::now(),
            outage: None,
            deadline: None,
            handler,
            source,
            batches,
            stop,
        }
    }

    /// Works until the stop, and then until every event that was delivered is settled or given back.
    pub(crate) async fn run(mut self) -> Result<(), GroupError> {
        let mut keep_alive = interval(self.handler.group.redelivery_policy.progress_interval());
        keep_alive.set_missed_tick_behavior(MissedTickBehavior::Delay);
        self.join();
        loop {
            self.dispatch_ready();
            if self.is_drained() {
                self.nak_buffered().await;
                return Ok(());
            }
            self.request_more().await;
            let wake_at = self.next_wakeup();
            tokio::select! {
                () = self.stop.cancelled(), if self.deadline.is_none() => self.begin_shutdown(),
                Some(outcome) = self.in_flight.next() => self.on_settled(outcome),
                Some(_) = self.dead_lettering.next() => {}
                arrival = self.consumer.next_event() => self.on_consumer_event(arrival)?,
                late = self.superseded.next(), if !self.superseded.is_empty() => {
                    // `None` is the end of the last of them, for which the stop may be waiting.
                    if let Some((stream, message)) = late {
                        self.receive(&stream, message);
                    }
                }
                Ok(()) = self.connected.changed() => self.on_reconnect(),
                _ = keep_alive.tick() => self.send_progress().await,
                () = sleep_until(wake_at) => {}
            }
        }
    }

    fn largest_request(&self) -> usize {
        self.batches.size.max(MIN_REQUEST)
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
        if let ConsumerState::Open(left) =
            std::mem::replace(&mut self.consumer, ConsumerState::Joining(joining))
        {
            self.superseded.push(left.drain().boxed_local());
        }
    }

    /// Starts to handle what can be handled now.
    fn dispatch_ready(&mut self) {
        let now = Instant::now();
        let (at_once, size) = match &self.outage {
            None => (self.batches.at_once, self.batches.size),
            Some(outage) if now >= outage.look_at() => (1, outage.size()),
            Some(_) => (0, 0),
        };
        while self.in_flight.len() < at_once && now >= self.next_start {
            let is_coming = self.consumer.is_awaited();
            let (handler, before) = (self.handler, self.buffer.bytes());
            let next = self.buffer.next(size, is_coming);
            let bytes = before - self.buffer.bytes();
            match next {
                None => return,
                Some(Next::Events(batch)) => self.in_flight.begin(bytes, handler.settle(batch)),
                Some(Next::Suspect(one)) => {
                    self.in_flight.begin(bytes, handler.handle_suspect(*one));
                }
            }
            self.next_start = now + self.batches.pace;
        }
    }

    /// Returns the time at which something is to be done that cannot be done now.
    fn next_wakeup(&self) -> Instant {
        let now = Instant::now();
        let idle = now + IDLE_WAKEUP;
        let next = match &self.outage {
            Some(outage) if self.in_flight.is_empty() => outage.look_at().max(self.next_start),
            None if self.in_flight.len() < self.batches.at_once
                && self.buffer.has_next(self.consumer.is_awaited()) =>
            {
                self.next_start
            }
            _ => idle,
        };
        next.min(self.deadline.filter(|at| *at > now).unwrap_or(idle))
    }

    async fn request_more(&mut self) {
        if self.buffer.has_suspects() {
            // Every event that is buffered when a member dies was delivered once more for nothing.
            return;
        }
        if self.buffer.bytes() + self.in_flight.bytes() + self.dead_lettering.bytes()
            >= MAX_BUFFERED_BYTES
        {
            return;
        }
        let in_hand = self.buffer.len() + self.dead_lettering.len();
        let room = (self.largest_request() * READ_AHEAD).saturating_sub(in_hand);
        let (ConsumerState::Open(joined), None) = (&mut self.consumer, &self.outage) else {
            return;
        };
        if room > 0 && joined.pull.is_stale() {
            self.join();
            self.renewing = true;
        } else if let Err(error) = joined.pull.request_up_to(room).await {
            warn!("cannot ask for events: {error}");
            self.join();
        }
    }

    /// Takes an arrival, and those that are there already.
    fn on_consumer_event(&mut self, arrival: ConsumerEvent) -> Result<(), GroupError> {
        let mut next = Some(arrival);
        while let Some(arrival) = next {
            match arrival {
                ConsumerEvent::Joined(joined) => {
                    self.consumer = ConsumerState::Open(Box::new(joined?));
                    if !self.renewing {
                        self.handler.group.announce(self.source);
                    }
                    self.report_readiness(self.outage.is_none());
                }
                ConsumerEvent::Pulled(stream, PullEvent::Message(message)) => {
                    self.receive(&stream, message);
                }
                ConsumerEvent::Pulled(_, PullEvent::Unfilled) => {}
                ConsumerEvent::Pulled(_, PullEvent::Lost(reason)) => {
                    warn!("joining the group again: {reason}");
                    self.report_readiness(false);
                    self.join();
                }
                ConsumerEvent::Pulled(_, PullEvent::Gone(reason)) => {
                    warn!("joining the group again: {reason}");
                    self.report_readiness(false);
                    self.join_after(RECREATE_DELAY);
                }
            }
            let more = matches!(self.consumer, ConsumerState::Open(..))
                && self.buffer.len() < self.batches.size;
            next = if more {
                self.consumer.try_next_event()
            } else {
                None
            };
        }
        Ok(())
    }

    fn receive(&mut self, stream: &Arc<History>, message: Message) {
        let Some(mut parcel) = RawMessage::open(message, stream) else {
            return;
        };
        if self.handler.group.bus.spans.is_some() {
            parcel.arrived = Some(SystemTime::now());
        }
        let Some(mut parcel) = self.buffer.quarantine(parcel) else {
            return;
        };
        match self.handler.read(&mut parcel) {
            Ok(received) => self.buffer.push(Delivery {
                received,
                message: parcel,
            }),
            Err(reason) => {
                let (handler, bytes) = (self.handler, parcel.bytes());
                self.dead_lettering
                    .begin(bytes, handler.dead_letter(parcel, reason));
            }
        }
    }

    fn on_settled(&mut self, outcome: Outcome<E>) {
        let now = Instant::now();
        match outcome {
            Outcome::DeadLettered => {}
            Outcome::Settled => {
                if let Some(outage) = &mut self.outage {
                    outage.eases(now);
                }
                if let (Some(outage), false) = (&self.outage, self.buffer.has_interrupted()) {
                    info!("working again after {:.1} s", outage.seconds(now));
                    self.outage = None;
                    self.handler.group.endpoint.set_unavailable(None);
                    self.report_readiness(true);
                }
            }
            Outcome::Unavailable(batch, reason) => {
                if self.outage.is_none() {
                    warn!("waiting: {reason}");
                    self.handler.group.endpoint.set_unavailable(Some(&reason));
                    self.report_readiness(false);
                }
                let outage = self.outage.get_or_insert_with(|| Outage::begin(now));
                outage.lasts(now, batch.len());
                self.buffer.put_back(batch);
            }
        }
    }

    /// Reports whether the group works: its consumer is open and no outage holds it up. Replays do not
    /// count.
    fn report_readiness(&self, working: bool) {
        if self.source == OriginStream::Events {
            self.handler.group.working.send_replace(working);
        }
    }

    /// Joins again: requests do not survive a reconnection, the stream may be another one, and what was
    /// requested while joining may never be answered.
    fn on_reconnect(&mut self) {
        let back = *self.connected.borrow_and_update();
        if back && self.deadline.is_none() {
            self.join();
        }
    }

    async fn send_progress(&self) {
        for message in self.buffer.messages() {
            ack::in_progress(&self.handler.group.bus.client, message).await;
        }
    }
}
