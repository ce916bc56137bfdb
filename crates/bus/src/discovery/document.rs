//! The responses of service discovery, as they are sent (ADR-32 of NATS).

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{Endpoint, LastError, MemberInfo, Work};

/// The version of all programs: they are built and released together.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The metadata with the member's name.
const MEMBER: &str = "member";

/// The identity of a member, which is all of the response to `PING`.
#[derive(Deserialize, Serialize)]
pub(super) struct Identity {
    name: String,
    /// The member's name, so that `$SRV.STATS.<service>.<member>` reaches it.
    id: String,
    version: String,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
}

/// A response of the kind that `type` says.
#[derive(Serialize)]
pub(super) struct Answer<'a> {
    pub(super) r#type: &'static str,
    #[serde(flatten)]
    pub(super) identity: &'a Identity,
    #[serde(flatten)]
    pub(super) more: More,
}

#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum More {
    Ping {},
    Info {
        description: String,
        endpoints: Vec<EndpointInfo>,
    },
    Stats {
        #[serde(with = "time::serde::rfc3339")]
        started: OffsetDateTime,
        endpoints: Vec<EndpointStats>,
    },
}

#[derive(Serialize)]
pub(super) struct EndpointInfo {
    name: String,
    subject: String,
    queue_group: String,
    metadata: BTreeMap<String, String>,
}

/// A response to `STATS`, from any program.
#[derive(Deserialize)]
pub(super) struct Stats {
    #[serde(flatten)]
    identity: Identity,
    #[serde(with = "time::serde::rfc3339")]
    started: OffsetDateTime,
    #[serde(default)]
    endpoints: Option<Vec<EndpointStats>>,
}

#[derive(Deserialize, Serialize)]
pub(super) struct EndpointStats {
    name: String,
    subject: String,
    #[serde(default)]
    queue_group: String,
    num_requests: u64,
    num_errors: u64,
    /// Empty if nothing went wrong yet.
    #[serde(default)]
    last_error: String,
    /// In nanoseconds.
    processing_time: u64,
    average_processing_time: u64,
    /// Statistics that ADR-32 has no field for. Programs that are not ours send none, or their own.
    #[serde(default, deserialize_with = "ours")]
    data: Option<Data>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    handled: u64,
    retried: u64,
    failed: u64,
    in_flight: u64,
    #[serde(with = "time::serde::rfc3339::option")]
    last_error_at: Option<OffsetDateTime>,
    /// Members of earlier releases do not send it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    away: Option<String>,
}

impl Identity {
    pub(super) fn new(service: &str, member: &str) -> Self {
        Self {
            name: service.to_owned(),
            id: member.to_owned(),
            version: VERSION.to_owned(),
            metadata: BTreeMap::from([(MEMBER.to_owned(), member.to_owned())]),
        }
    }
}

impl From<&Endpoint> for EndpointInfo {
    fn from(endpoint: &Endpoint) -> Self {
        Self {
            name: endpoint.name.clone(),
            subject: endpoint.subject.clone(),
            queue_group: endpoint.queue_group.clone(),
            metadata: endpoint.metadata.clone(),
        }
    }
}

impl From<&Endpoint> for EndpointStats {
    fn from(endpoint: &Endpoint) -> Self {
        let counts = endpoint.counts();
        let (last_error, last_error_at) = match &counts.last_error {
            Some(error) => (error.text.clone(), error.at),
            None => (String::new(), None),
        };
        Self {
            name: endpoint.name.clone(),
            subject: endpoint.subject.clone(),
            queue_group: endpoint.queue_group.clone(),
            num_requests: counts.attempts(),
            num_errors: counts.errors(),
            last_error,
            processing_time: nanoseconds(counts.time),
            average_processing_time: nanoseconds(counts.average()),
            data: Some(Data {
                handled: counts.handled,
                retried: counts.retried,
                failed: counts.failed,
                in_flight: counts.in_flight,
                last_error_at,
                away: counts.away,
            }),
        }
    }
}

impl From<Stats> for MemberInfo {
    fn from(stats: Stats) -> Self {
        let mut identity = stats.identity;
        Self {
            service: identity.name,
            member: identity.metadata.remove(MEMBER).unwrap_or(identity.id),
            version: identity.version,
            started: stats.started,
            work: stats
                .endpoints
                .into_iter()
                .flatten()
                .map(Work::from)
                .collect(),
        }
    }
}

impl From<EndpointStats> for Work {
    fn from(stats: EndpointStats) -> Self {
        let data = stats.data.unwrap_or(Data {
            handled: stats.num_requests.saturating_sub(stats.num_errors),
            retried: 0,
            failed: stats.num_errors,
            in_flight: 0,
            last_error_at: None,
            away: None,
        });
        Self {
            name: stats.name,
            subject: stats.subject,
            handled: data.handled,
            retried: data.retried,
            failed: data.failed,
            in_flight: data.in_flight,
            average: Duration::from_nanos(stats.average_processing_time),
            last_error: (!stats.last_error.is_empty()).then_some(LastError {
                text: stats.last_error,
                at: data.last_error_at,
            }),
            away: data.away,
        }
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Reads the data if it is ours, and ignores any other.
fn ours<'de, D: serde::Deserializer<'de>>(data: D) -> Result<Option<Data>, D::Error> {
    let data = Option::<serde_json::Value>::deserialize(data)?;
    Ok(data.and_then(|data| serde_json::from_value(data).ok()))
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};
    use serde_json::{Value, json};

    use super::{MemberInfo, Stats};

    /// A response in which any field may be anything.
    fn answer() -> impl Strategy<Value = Value> {
        let value = prop_oneof![
            any::<String>().prop_map(|text| json!(text)),
            any::<u64>().prop_map(|number| json!(number)),
            any::<f64>().prop_map(|number| json!(number)),
            Just(json!(null)),
            Just(json!({ "member": "a" })),
            Just(json!([])),
        ];
        let names = [
            "name",
            "id",
            "version",
            "metadata",
            "started",
            "endpoints",
            "data",
            "num_requests",
            "num_errors",
            "last_error",
            "processing_time",
            "average_processing_time",
            "handled",
        ];
        let field = (prop::sample::select(names.to_vec()), value);
        vec((any::<bool>(), field), 0..6).prop_map(|changes| {
            let endpoint = json!({
                "name": "a", "subject": "b", "num_requests": 2, "num_errors": 7,
                "processing_time": u64::MAX, "average_processing_time": u64::MAX, "data": null,
            });
            let mut answer = json!({
                "name": "a", "id": "b", "version": "1", "started": "2026-11-20T12:00:00Z",
                "endpoints": [endpoint],
            });
            for (is_outside, (name, value)) in changes {
                let part = if is_outside {
                    Some(&mut answer)
                } else {
                    answer.pointer_mut("/endpoints/0")
                };
                if let Some(Value::Object(part)) = part {
                    part.insert(name.to_owned(), value);
                }
            }
            answer
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn no_answer_to_a_roll_call_brings_the_caller_down(
            answer in answer(),
            bytes in vec(any::<u8>(), 0..100),
        ) {
            for answer in [answer.to_string().into_bytes(), bytes] {
                if let Ok(stats) = serde_json::from_slice::<Stats>(&answer) {
                    let _ = MemberInfo::from(stats);
                }
            }
        }
    }
}
