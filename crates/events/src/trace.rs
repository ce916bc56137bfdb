//! Trace contexts, as W3C Trace Context writes them.

/// The trace context of a message: a trace, and the span in it that further spans are children of.
///
/// It is a caller's text, so it is taken over only if it has the form that the [recommendation] says.
///
/// [recommendation]: https://www.w3.org/TR/trace-context-1/
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceContext {
    parent: String,
    state: Option<String>,
}

impl TraceContext {
    /// The greatest length of `tracestate` (in bytes) that is taken over; the recommendation asks for 512 at
    /// least.
    pub const MAX_STATE_BYTES: usize = 512;

    /// Reads the headers `traceparent` and `tracestate`. `None` if the first is invalid; an invalid
    /// second one is left out.
    pub fn parse(parent: &str, state: Option<&str>) -> Option<Self> {
        is_parent(parent).then(|| Self {
            parent: parent.to_owned(),
            state: state.and_then(members),
        })
    }

    /// Returns the value of `traceparent`: `00-<trace>-<span>-<flags>`.
    pub fn parent(&self) -> &str {
        &self.parent
    }

    /// Returns the value of `tracestate`: data that the tracing systems on the way have added.
    pub fn state(&self) -> Option<&str> {
        self.state.as_deref()
    }

    /// Returns the trace's id: 32 hexadecimal digits.
    pub fn trace_id(&self) -> &str {
        &self.parent[3..35]
    }

    /// Returns the span's id: 16 hexadecimal digits.
    pub fn span_id(&self) -> &str {
        &self.parent[36..52]
    }

    /// Returns whether the trace is sampled: the caller wants it to be recorded.
    pub fn is_sampled(&self) -> bool {
        // The lowest bit of the last digit.
        matches!(
            self.parent.as_bytes().last(),
            Some(b'1' | b'3' | b'5' | b'7' | b'9' | b'b' | b'd' | b'f')
        )
    }
}

/// Returns the members of a `tracestate` without the blanks around them, since not every broker and library
/// on the way keeps those. `None` if there is no member, if one is invalid, or if they are too long.
fn members(state: &str) -> Option<String> {
    let members = state.split(',').map(|part| part.trim_matches([' ', '\t']));
    let members: Vec<_> = members.filter(|member| !member.is_empty()).collect();
    let sensible = members.iter().all(|member| is_member(member));
    let text = members.join(",");
    (sensible && (1..=TraceContext::MAX_STATE_BYTES).contains(&text.len())).then_some(text)
}

/// Returns whether this is `<key>=<value>`: the key of a tracing system, and its data.
fn is_member(text: &str) -> bool {
    let Some((key, value)) = text.split_once('=') else {
        return false;
    };
    let of_key =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-*/@".contains(&byte);
    let of_value = |byte: u8| (byte == b' ' || byte.is_ascii_graphic()) && byte != b'=';
    !key.is_empty() && key.bytes().all(of_key) && !value.is_empty() && value.bytes().all(of_value)
}

/// Returns whether this is a `traceparent` of version 00, the only one there is.
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
