//! Processor time of each program, which shows the bottleneck behind a figure.

use std::fmt;
use std::fs;
use std::time::Instant;

/// Clock ticks per second in `/proc` (`USER_HZ`).
const TICKS: f64 = 100.0;

/// A measurement of the processor time of some programs.
pub(crate) struct Meter {
    began: Instant,
    parts: Vec<Share>,
}

struct Share {
    name: String,
    pid: u32,
    before: u64,
}

/// Number of cores that each program kept busy, and the number of operations per second meanwhile.
pub(crate) struct Cores {
    parts: Vec<(String, f64)>,
    per_second: f64,
}

impl Meter {
    /// Starts to measure these programs with their child processes, and this program without its own.
    pub(crate) fn start(programs: &[(&str, Option<u32>)]) -> Self {
        let known = programs
            .iter()
            .filter_map(|(name, pid)| Some(((*name).to_owned(), (*pid)?)));
        let us = ("bench".to_owned(), std::process::id());
        let parts = known.chain([us]).map(|(name, pid)| Share {
            before: spent(pid),
            name,
            pid,
        });
        Self {
            parts: parts.collect(),
            began: Instant::now(),
        }
    }

    /// Ends the measurement, during which `per_second` operations were done each second.
    pub(crate) fn stop(self, per_second: f64) -> Cores {
        let seconds = self.began.elapsed().as_secs_f64();
        let used = |part: Share| {
            let ticks = spent(part.pid).saturating_sub(part.before);
            (
                part.name,
                crate::numbers::approximate(ticks) / TICKS / seconds,
            )
        };
        Cores {
            parts: self.parts.into_iter().map(used).collect(),
            per_second,
        }
    }
}

impl fmt::Display for Cores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Unlike the rate, the time of one operation changes little when the machine is busy with
        // something else.
        let parts = self.parts.iter().filter(|(_, cores)| *cores >= 0.005);
        let parts = parts.map(|(name, cores)| {
            let each = cores / self.per_second * 1e6;
            format!("{name} {cores:.2} ({each:.1} µs each)")
        });
        write!(f, "cores: {}", parts.collect::<Vec<_>>().join(", "))
    }
}

/// Returns the ticks that a process has used, with those of its child processes, also of ended ones:
/// they do a database's work. Ours are left out, as they are other programs of the run.
fn spent(pid: u32) -> u64 {
    let Some(stat) = Stat::read(pid) else {
        return 0;
    };
    if pid == std::process::id() {
        return stat.own;
    }
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let children = pids
        .filter_map(Stat::read)
        .filter(|child| child.parent == pid);
    stat.own + stat.ended_children + children.map(|child| child.own).sum::<u64>()
}

struct Stat {
    parent: u32,
    own: u64,
    ended_children: u64,
}

impl Stat {
    fn read(pid: u32) -> Option<Self> {
        let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // proc(5): the name in parentheses may contain anything, so the fields are counted from behind
        // it, the third of the file first.
        let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
        let ticks = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
        Some(Self {
            parent: fields.get(1)?.parse().ok()?,
            own: ticks(14)? + ticks(15)?,
            ended_children: ticks(16)? + ticks(17)?,
        })
    }
}
