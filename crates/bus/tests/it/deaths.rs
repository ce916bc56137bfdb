//! Members that die of an event: real processes, which abort.

use std::{
    collections::BTreeSet,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use testkit::{Output, Process};
use tokio::process::Command;

use crate::world::World;

/// Sixteen lives, each as long as a process takes to start and an event to be redelivered.
const LIVES: Duration = Duration::from_secs(90);

/// Number of harmless events beside the one that kills.
const OTHERS: usize = 10;

/// Starts the member again whenever it ends, until there is a dead letter and nothing left to do. Returns
/// the events that its lives have survived, and the number of lives.
async fn supervise(world: &World) -> (Vec<String>, usize) {
    let survived = Arc::new(Mutex::new(Vec::new()));
    let lives = Mutex::new(0);
    let live = async {
        loop {
            let survived = Arc::clone(&survived);
            let note = move |line: &str| survived.lock().unwrap().push(line.to_owned());
            let mut command = Command::new(program());
            command.arg(world.broker.url());
            let output = Output::Lines(Some(Arc::new(note)));
            let mut member = Process::spawn("mortal", command, output).unwrap();
            *lives.lock().unwrap() += 1;
            member.wait().await.unwrap();
        }
    };
    let end = testkit::eventually("the killer is given up", LIVES, async || {
        let Ok(group) = world.group_info("mortal").await else {
            return Err("nobody has joined".to_owned());
        };
        let left = (group.num_pending, group.num_ack_pending);
        let letters = world.dead_letters().await.len();
        let known = survived.lock().unwrap().clone();
        let known = known.into_iter().collect::<BTreeSet<_>>().len();
        if letters > 0 && left == (0, 0) && letters + known > OTHERS {
            Ok(())
        } else {
            Err(format!("{known} known, {letters} letters, {left:?} left"))
        }
    });
    tokio::select! {
        () = live => unreachable!("there is always a next life"),
        () = end => {}
    }
    let survived = survived.lock().unwrap().clone();
    (survived, *lives.lock().unwrap())
}

/// Returns the path of the example, which is built along with the tests, beside the folder of the test's
/// own program.
fn program() -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let target = tests.parent().unwrap().parent().unwrap();
    target.join("examples/mortal")
}

/// Returns the events that the members survived, in alphabetical order.
async fn assert_given_up_alone(killer: &str) -> Vec<String> {
    let world = World::new().await;
    for n in 0..OTHERS {
        if n == OTHERS / 2 {
            world.add(killer).await;
        }
        world.add(&format!("item {n}")).await;
    }
    let (mut survived, lives) = supervise(&world).await;
    assert_eq!(lives, 17);
    let letters = world.dead_letters().await;
    let [letter] = &letters[..] else {
        panic!("{} letters", letters.len())
    };
    let header = |name: &str| letter.headers.get(name).unwrap().as_str();
    assert_eq!(header("Dead-Sequence"), "6");
    assert_eq!(header("Dead-Reason"), "came 17 times and was never settled");
    survived.sort();
    survived
}

fn others() -> Vec<String> {
    (0..OTHERS).map(|n| format!("item {n}")).collect()
}

/// A member that dies may not have acknowledged the events that it handled, so that some may be
/// redelivered.
#[tokio::test]
async fn an_event_that_kills_whoever_handles_it_is_given_up_and_the_others_are_handled() {
    let mut survived = assert_given_up_alone("kills who handles it").await;
    survived.dedup();
    assert_eq!(survived, others());
}

#[tokio::test]
async fn an_event_that_kills_whoever_reads_it_is_given_up_and_the_others_are_handled() {
    let mut survived = assert_given_up_alone("kills who reads it").await;
    survived.dedup();
    assert_eq!(survived, others());
}
