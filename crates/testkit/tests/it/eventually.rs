use std::time::{Duration, Instant};

use testkit::{eventually, try_eventually};

#[tokio::test]
async fn the_first_success_ends_the_wait() {
    let mut looks = 0;

    let value = eventually("three looks", Duration::from_secs(5), async || {
        looks += 1;
        (looks == 3).then_some("seen")
    })
    .await;

    assert_eq!((value, looks), ("seen", 3));
}

#[tokio::test]
async fn giving_up_tells_what_was_awaited_and_what_was_seen_last() {
    let error = try_eventually("the moon is blue", Duration::from_millis(50), async || {
        Err::<(), _>("it is yellow")
    })
    .await
    .unwrap_err();

    let text = error.to_string();
    assert!(
        text.contains("the moon is blue") && text.contains("it is yellow"),
        "{text}"
    );
}

#[tokio::test]
async fn a_look_that_hangs_does_not_outlive_the_deadline() {
    let began = Instant::now();

    let error = try_eventually("an answer", Duration::from_millis(50), async || {
        std::future::pending::<bool>().await
    })
    .await
    .unwrap_err();

    assert!(error.to_string().contains("did not return"), "{error}");
    assert!(began.elapsed() < Duration::from_secs(5));
}
