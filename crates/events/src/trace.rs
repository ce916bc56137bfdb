//! Which trace something belongs to, as W3C Trace Context writes it.

/// A place in a trace: what follows from here is part of the same trace, below this place.
///
/// It is a caller's text, so it is taken over only if it is what the recommendation says, and is
/// passed on as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceContext {
    parent: String,
    state: Option<String>,
}

impl TraceContext {
    /// The longest state (in bytes) that is taken over; the recommendation asks for 512 at least.
    pub const LONGEST_STATE: usize = 512;

    /// Reads the headers `traceparent` and `tracestate`. None if the first does not name a place in a
    /// trace; a state that makes no sense is left out.
    pub fn parse(parent: &str, state: Option<&str>) -> Option<Self> {
        let state = state.filter(|state| {
            let printable = state
                .bytes()
                .all(|byte| byte == b' ' || byte.is_ascii_graphic());
            (1..=Self::LONGEST_STATE).contains(&state.len()) && printable
        });
        is_parent(parent).then(|| Self {
            parent: parent.to_owned(),
            state: state.map(str::to_owned),
        })
    }

    /// The place, as it is written: `00-<trace>-<span>-<flags>`.
    pub fn parent(&self) -> &str {
        &self.parent
    }

    /// What the tracing systems on the way have added.
    pub fn state(&self) -> Option<&str> {
        self.state.as_deref()
    }

    /// The trace's id: 32 hexadecimal digits.
    pub fn trace_id(&self) -> &str {
        &self.parent[3..35]
    }

    /// The id of the span that is this place: 16 hexadecimal digits.
    pub fn span_id(&self) -> &str {
        &self.parent[36..52]
    }

    /// Whether whoever began the trace wants it to be recorded.
    pub fn is_sampled(&self) -> bool {
        // The lowest bit of the last digit.
        matches!(
            self.parent.as_bytes().last(),
            Some(b'1' | b'3' | b'5' | b'7' | b'9' | b'b' | b'd' | b'f')
        )
    }
}

/// Whether this is a `traceparent` of version 00, the only one there is.
fn is_parent(text: &str) -> bool {
    let hex = |part: &str, length: usize| {
        let digits = part
            .bytes()
            .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        part.len() == length && digits
    };
    let named = |part: &str| part.bytes().any(|byte| byte != b'0');
    let mut parts = text.split('-');
    let parts = [(); 5].map(|()| parts.next());
    let [Some("00"), Some(trace), Some(span), Some(flags), None] = parts else {
        return false;
    };
    hex(trace, 32) && named(trace) && hex(span, 16) && named(span) && hex(flags, 2)
}
