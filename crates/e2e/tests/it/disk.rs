//! A full disk of the broker, filled by something else than events: their own space is reserved.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use testkit::{SystemOptions, eventually};

use crate::user::{SOON, User};

/// A small mounted disk, unmounted when it is dropped.
struct Disk(PathBuf);

impl Disk {
    fn mount(size: &str, place: &Path) -> Self {
        let mounted = Command::new("mount")
            .args([
                "-t",
                "tmpfs",
                "-o",
                &format!("size={size},mode=711"),
                "tmpfs",
            ])
            .arg(place)
            .status();
        assert!(mounted.unwrap().success());
        Self(place.to_owned())
    }

    /// Fills the disk to the last byte with a file, and returns its path.
    fn fill(&self) -> PathBuf {
        let path = self.0.join("filler");
        let mut file = fs::File::create(&path).unwrap();
        for size in [1 << 20, 1 << 12, 1] {
            let piece = vec![0; size];
            while file.write_all(&piece).is_ok() {}
        }
        path
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: a process may still have files open while it ends.
        let unmounted = Command::new("umount").arg("--lazy").arg(&self.0).status();
        if !unmounted.is_ok_and(|status| status.success()) {
            eprintln!("`{}` stays mounted", self.0.display());
        }
    }
}

#[tokio::test]
#[ignore = "mounts a disk: `cargo xtask test` runs it for those who may, such as root"]
async fn a_disk_that_is_full_refuses_in_time_and_what_was_accepted_is_saved_after_all() {
    let place = TempDir::new().unwrap();
    fs::create_dir_all(place.path().join("broker/store")).unwrap();
    let disk = Disk::mount("64m", &place.path().join("broker/store"));
    let options = SystemOptions {
        dir: Some(place.path().to_owned()),
        ..SystemOptions::default()
            .env("setup", "STREAM_LIMIT_MIB", "16")
            .scale("save-handler", 1)
    };
    let mut user = User::start(options).await;
    let savers = user.system.members_of("save-handler");
    let [saver] = &savers[..] else {
        panic!("one saver")
    };
    user.system.pause_member(saver).unwrap();
    let mut accepted = Vec::new();
    for n in 0..50 {
        accepted.push(user.add(&format!("item {n}")).await);
    }
    let item = serde_json::json!({ "item": "x".repeat(250) });

    let filler = disk.fill();
    // The last block of an open file may still have space; then there is none.
    let refused = loop {
        let started = Instant::now();
        let answer = user.post(&item).await;
        assert!(started.elapsed() < Duration::from_secs(2));
        if answer.status != 202 {
            break answer;
        }
        accepted.push(answer.json().unwrap()["id"].as_str().unwrap().to_owned());
    };
    assert_eq!(refused.status, 503, "{}", refused.text());
    assert!(refused.header("retry-after").is_some());
    user.system.resume_member(saver).unwrap();
    eventually("the saver is held up", SOON, async || {
        let lines = user.system.lines(saver).unwrap();
        lines.iter().any(|line| line.contains("WARN"))
    })
    .await;

    fs::remove_file(filler).unwrap();
    // The broker does not recover by itself, as docs/operations.md says.
    user.system.broker().kill().await.unwrap();
    user.system.broker().restart().await.unwrap();
    eventually("posting works again", SOON, async || {
        user.post(&item).await.status == 202
    })
    .await;
    for id in &accepted {
        user.saved(id).await;
    }
    user.quiet(&["save-handler", "audit-handler"]).await;
    assert_eq!(user.messages("DEAD_LETTERS").await, 0);
}
