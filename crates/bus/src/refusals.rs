//! Meaning of the server's errors when a stream or a consumer is created or changed: to wait, or to say
//! that a setting is at fault.

use async_nats::jetstream::{Error, ErrorCode};

/// Errors that end by themselves, or when somebody repairs the broker, whatever status the server gives
/// them: a cluster that looks for its leader or its members, a server that starts, a limit of an account
/// that has to be raised, another client that creates the same at the same time.
const PASSING: [ErrorCode; 31] = [
    ErrorCode::ACCOUNT_RESOURCES_EXCEEDED,
    ErrorCode::CLUSTER_INCOMPLETE,
    // "No suitable peers for placement" has the status of a bad request, and is sent while servers start.
    ErrorCode::CLUSTER_NO_PEERS,
    ErrorCode::CLUSTER_NOT_ACTIVE,
    ErrorCode::CLUSTER_NOT_ASSIGNED,
    ErrorCode::CLUSTER_NOT_AVAILABLE,
    ErrorCode::CLUSTER_NOT_LEADER,
    ErrorCode::CLUSTER_PEER_NOT_MEMBER,
    ErrorCode::CLUSTER_SERVER_MEMBER_CHANGE_INFLIGHT,
    ErrorCode::CLUSTER_SERVER_NOT_MEMBER,
    ErrorCode::CONSUMER_ALREADY_EXISTS,
    ErrorCode::CONSUMER_EXISTING_ACTIVE,
    ErrorCode::CONSUMER_NAME_EXIST,
    ErrorCode::CONSUMER_OFFLINE,
    ErrorCode::CONSUMER_OFFLINE_REASON,
    ErrorCode::CONSUMER_STORE_FAILED,
    ErrorCode::INSUFFICIENT_RESOURCES,
    ErrorCode::JETSTREAM_NOT_ENABLED,
    ErrorCode::JETSTREAM_NOT_ENABLED_FOR_ACCOUNT,
    ErrorCode::MAXIMUM_CONSUMERS_LIMIT,
    ErrorCode::MAXIMUM_STREAMS_LIMIT,
    ErrorCode::MEMORY_RESOURCES_EXCEEDED,
    ErrorCode::NO_ACCOUNT,
    ErrorCode::PEER_REMAP,
    ErrorCode::RAFT_GENERAL,
    ErrorCode::STREAM_MOVE_IN_PROGRESS,
    ErrorCode::STREAM_NAME_EXIST,
    ErrorCode::STREAM_NOT_FOUND,
    ErrorCode::STREAM_OFFLINE,
    ErrorCode::STREAM_OFFLINE_REASON,
    ErrorCode::STREAM_TOO_MANY_REQUESTS,
];

/// Errors that no waiting helps against, though the server reports them as its own.
const LASTING: [ErrorCode; 4] = [
    // Among others, the error when a consumer exists with other settings.
    ErrorCode::CONSUMER_CREATE,
    ErrorCode::STREAM_INVALID_CONFIG,
    ErrorCode::STREAM_REPLICAS_NOT_SUPPORTED,
    ErrorCode::STREAM_UPDATE,
];

/// The status of a bad request.
const WRONG: usize = 400;

/// Returns whether the server refuses a request for good, as opposed to not being able to fulfil it now.
/// Errors of newer servers that are not known here go by their status.
pub(crate) fn is_lasting(error: &Error) -> bool {
    let code = error.error_code();
    !PASSING.contains(&code) && (error.code() == WRONG || LASTING.contains(&code))
}

#[cfg(test)]
mod tests {
    use async_nats::jetstream::Error;
    use serde_json::{from_value, json};

    use super::is_lasting;

    fn said(status: u64, code: u64) -> bool {
        let error = json!({ "code": status, "err_code": code, "description": "" });
        is_lasting(&from_value::<Error>(error).unwrap())
    }

    #[test]
    fn what_passes_is_told_from_what_a_setting_has_to_be_changed_for() {
        let passing = [
            (400, 10005, "no suitable peers"),
            (503, 10008, "the cluster has no leader"),
            (500, 10009, "this server is not the leader"),
            (500, 10118, "the stream is offline"),
            (500, 10119, "the place is offline"),
            (503, 10076, "streams are not enabled yet"),
            (503, 10023, "insufficient resources"),
            (400, 10002, "the account's resources are exceeded"),
            (400, 10026, "too many places"),
            (400, 10124, "the stream is just moved"),
            (400, 10058, "somebody else made the stream just now"),
            (400, 10202, "the cluster's members are just changed"),
            (500, 99999, "a newer server's own fault"),
        ];
        for (status, code, what) in passing {
            assert!(!said(status, code), "{what}");
        }
        let lasting = [
            (500, 10012, "the place is there with other settings"),
            (
                400,
                10093,
                "the filter matches nothing that the stream stores",
            ),
            (400, 10100, "two places with one filter"),
            (500, 10052, "the stream's settings are invalid"),
            (500, 10074, "there is no cluster"),
            (400, 10065, "another stream has these subjects"),
            (400, 99999, "a newer server's refusal"),
        ];
        for (status, code, what) in lasting {
            assert!(said(status, code), "{what}");
        }
    }
}
