//! Rate limiting of callers.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use axum::{
    extract::{Request, State},
    http::StatusCode,
    middleware::Next,
    response::Response,
};
use governor::{DefaultKeyedRateLimiter, Quota};
use service::{http::Peer, problem::Problem};

/// Interval, in requests, at which callers with a full quota are removed from memory.
const FORGETTING: u32 = 4096;

/// Unit of rate limiting.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Caller {
    /// The holder of this token, by its number.
    Token(u32),
    /// The client at this address.
    Address(IpAddr),
}

impl Caller {
    fn of(request: &Request) -> Self {
        let extensions = request.extensions();
        let admitted = extensions.get::<Self>().copied();
        admitted.unwrap_or_else(|| {
            let peer = extensions.get::<Peer>();
            let unknown = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
            Self::at(peer.map_or(unknown, |Peer(peer)| peer.ip()))
        })
    }

    /// A host usually has a whole /64 network of IPv6 addresses, so such a network is one caller.
    fn at(address: IpAddr) -> Self {
        Self::Address(match address.to_canonical() {
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
            address @ IpAddr::V4(_) => address,
        })
    }
}

/// A rate limit for each caller. Clones share their counters.
#[derive(Clone)]
pub(crate) struct Pace(Arc<Counted>);

struct Counted {
    per_second: NonZeroU32,
    callers: DefaultKeyedRateLimiter<Caller>,
    requests: AtomicU32,
}

impl Pace {
    /// A limit of `per_second` requests a second on average, which may also come in one burst.
    pub(crate) fn new(per_second: NonZeroU32) -> Self {
        Self(Arc::new(Counted {
            per_second,
            callers: DefaultKeyedRateLimiter::keyed(Quota::per_second(per_second)),
            requests: AtomicU32::new(0),
        }))
    }

    /// Returns whether the request is within the limit. If not, the caller may retry in less than a second.
    fn admits(&self, caller: Caller) -> bool {
        let Counted {
            callers, requests, ..
        } = &*self.0;
        if requests.fetch_add(1, Ordering::Relaxed) % FORGETTING == FORGETTING - 1 {
            callers.retain_recent();
        }
        callers.check_key(&caller).is_ok()
    }
}

/// Answers 429 to requests above the limit.
pub(crate) async fn keep(
    State(pace): State<Pace>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    if pace.admits(Caller::of(&request)) {
        return Ok(next.run(request).await);
    }
    let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "too-many-requests");
    Err(problem.after(1).detail(format!(
        "each caller may send {} requests a second; send it again later",
        pace.0.per_second
    )))
}

#[cfg(test)]
mod tests {
    use super::{Caller, FORGETTING, Pace};

    fn at(address: &str) -> Caller {
        Caller::at(address.parse().unwrap())
    }

    #[test]
    fn a_network_that_one_host_may_have_is_one_caller() {
        assert_eq!(at("2001:db8::1"), at("2001:db8::ffff:0:2"));
        assert_ne!(at("2001:db8::1"), at("2001:db8:0:1::1"));
        assert_eq!(at("::ffff:192.0.2.1"), at("192.0.2.1"));
        assert_ne!(at("192.0.2.1"), at("192.0.2.2"));
    }

    #[test]
    fn callers_who_are_at_rest_are_forgotten() {
        // Each of them is at rest again a nanosecond later.
        let pace = Pace::new(1_000_000_000.try_into().unwrap());
        for number in 0..10 * FORGETTING {
            assert!(pace.admits(Caller::Token(number)));
        }
        assert!(pace.0.callers.len() <= FORGETTING as usize);
    }
}
