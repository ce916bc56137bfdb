//! Which trace something belongs to, as W3C Trace Context writes it.

/// A place in a trace: what follows from here is part of the same trace, below this place.
///
/// It is a caller's text, so it is taken over only if it is what the [recommendation] says.
///
/// [recommendation]: https://www.w3.org/TR/trace-context-1/
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
        is_parent(parent).then(|| Self {
            parent: parent.to_owned(),
            state: state.and_then(members),
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

/// The members of a `tracestate` without the blanks around them, since not every broker and library
/// on the way keeps those. None if there is none, if one makes no sense, or if they are too long.
fn members(state: &str) -> Option<String> {
    let members = state.split(',').map(|part| part.trim_matches([' ', '\t']));
    let members: Vec<_> = members.filter(|member| !member.is_empty()).collect();
    let sensible = members.iter().all(|member| is_member(member));
    let text = members.join(",");
    (sensible && (1..=TraceContext::LONGEST_STATE).contains(&text.len())).then_some(text)
}

/// Whether this is `<key>=<value>`, the key of a system that traces and what it wants to be told again.
fn is_member(text: &str) -> bool {
    let Some((key, value)) = text.split_once('=') else {
        return false;
    };
    let of_key =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-*/@".contains(&byte);
    let of_value = |byte: u8| (byte == b' ' || byte.is_ascii_graphic()) && byte != b'=';
    !key.is_empty() && key.bytes().all(of_key) && !value.is_empty() && value.bytes().all(of_value)
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
