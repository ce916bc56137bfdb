//! Timeouts of a connection.
//!
//! The idle timeout, between two requests, is long: a proxy that keeps connections must be the first to
//! close them, or it sends a request while we close, and never learns whether it was handled. The timeout
//! for the rest of a head that has begun is a few seconds.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use futures_util::task::AtomicWaker;
use hyper::body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep},
};

/// The timeouts of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConnectionTimeouts {
    /// For the whole head of a request that is begun.
    pub(crate) head: Duration,
    /// For the next request.
    pub(crate) idle: Duration,
}

/// The state of a connection's requests, shared by its reader and its handler: their number, and whether one
/// is being handled.
#[derive(Clone, Default)]
pub(super) struct OpenRequests(Arc<Known>);

#[derive(Default)]
struct Known {
    begun: AtomicUsize,
    answering: AtomicBool,
    /// The task that reads from the connection, and checks the timeouts only when it is woken.
    reader: AtomicWaker,
}

/// A request that is being handled, until this is dropped.
pub(super) struct RequestGuard(OpenRequests);

impl OpenRequests {
    /// Counts a request whose head has arrived.
    pub(super) fn begin(&self) -> RequestGuard {
        self.0.begun.fetch_add(1, Ordering::Relaxed);
        self.0.answering.store(true, Ordering::Relaxed);
        RequestGuard(self.clone())
    }
}

impl Drop for RequestGuard {
    fn drop(&mut self) {
        let OpenRequests(known) = &self.0;
        known.answering.store(false, Ordering::Relaxed);
        known.reader.wake();
    }
}

/// The event that a connection waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Awaited {
    /// None of its client: it has a request to handle.
    Answer,
    Request,
    RestOfHead,
}

pin_project! {
    /// A connection that ends when a timeout for its client has passed.
    pub(super) struct TimedStream<S> {
        #[pin]
        stream: S,
        patience: ConnectionTimeouts,
        requests: OpenRequests,
        // The number of requests at the last read.
        seen: usize,
        awaited: Awaited,
        until: Pin<Box<Sleep>>,
    }
}

impl<S> TimedStream<S> {
    pub(super) fn new(stream: S, patience: ConnectionTimeouts, requests: OpenRequests) -> Self {
        Self {
            stream,
            patience,
            requests,
            seen: 0,
            awaited: Awaited::Answer,
            until: Box::pin(sleep(patience.idle)),
        }
    }
}

impl<S: AsyncRead> AsyncRead for TimedStream<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.project();
        let known = &*this.requests.0;
        let begun = known.begun.load(Ordering::Relaxed);
        if begun != *this.seen {
            *this.seen = begun;
            *this.awaited = Awaited::Answer;
        }
        let before = buffer.filled().len();
        let read = this.stream.poll_read(context, buffer);
        known.reader.register(context.waker());
        if known.answering.load(Ordering::Relaxed) {
            return read;
        }
        if read.is_ready() {
            if buffer.filled().len() > before && *this.awaited != Awaited::RestOfHead {
                *this.awaited = Awaited::RestOfHead;
                this.until
                    .as_mut()
                    .reset(Instant::now() + this.patience.head);
            }
            return read;
        }
        if *this.awaited == Awaited::Answer {
            *this.awaited = Awaited::Request;
            this.until
                .as_mut()
                .reset(Instant::now() + this.patience.idle);
        }
        ready!(this.until.as_mut().poll(context));
        // As if the client had closed its side: there is nothing to read any more.
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite> AsyncWrite for TimedStream<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.project().stream.poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().stream.poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().stream.poll_shutdown(context)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.project().stream.poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

pin_project! {
    /// The body of a response, until it is sent.
    pub(super) struct CountedBody<B> {
        #[pin]
        body: B,
        answering: RequestGuard,
    }
}

impl<B> CountedBody<B> {
    pub(super) fn new(body: B, answering: RequestGuard) -> Self {
        Self { body, answering }
    }
}

impl<B: Body> Body for CountedBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        self.project().body.poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
