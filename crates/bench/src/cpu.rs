//! Which program is busy: that tells the bottleneck of a figure.

use std::fmt;
use std::fs;
use std::time::Instant;

/// How many ticks of processor time Linux counts a second for its users.
const TICKS: f64 = 100.0;

/// A watch over some programs.
pub(crate) struct Meter {
    began: Instant,
    parts: Vec<Part>,
}

struct Part {
    name: String,
    pid: u32,
    before: u64,
}

/// How many cores each program kept busy, and how long each piece of work took it.
pub(crate) struct Cores {
    parts: Vec<(String, f64)>,
    per_second: f64,
}

impl Meter {
    /// Watches these programs with their children, and ourselves without ours.
    pub(crate) fn start(programs: &[(&str, Option<u32>)]) -> Self {
        let known = programs
            .iter()
            .filter_map(|(name, pid)| Some(((*name).to_owned(), (*pid)?)));
        let us = ("bench".to_owned(), std::process::id());
        let parts = known.chain([us]).map(|(name, pid)| Part {
            before: spent(pid),
            name,
            pid,
        });
        Self {
            parts: parts.collect(),
            began: Instant::now(),
        }
    }

    /// Ends the watch, during which so many pieces of work were done each second.
    pub(crate) fn stop(self, per_second: f64) -> Cores {
        let seconds = self.began.elapsed().as_secs_f64();
        let used = |part: Part| {
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
        // Unlike the rate, the time of a piece of work changes little when the machine is busy
        // with something else.
        let parts = self.parts.iter().filter(|(_, cores)| *cores >= 0.005);
        let parts = parts.map(|(name, cores)| {
            let each = cores / self.per_second * 1e6;
            format!("{name} {cores:.2} ({each:.1} µs each)")
        });
        write!(f, "cores: {}", parts.collect::<Vec<_>>().join(", "))
    }
}

/// The ticks that a process has used. A database's work is done by its children, those that have
/// ended included; ours are other programs of the run, which are not our own work.
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
        // proc(5): the name in parentheses may have anything in it, so the fields are counted from
        // behind it, the third of the file first.
        let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
        let ticks = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
        Some(Self {
            parent: fields.get(1)?.parse().ok()?,
            own: ticks(14)? + ticks(15)?,
            ended_children: ticks(16)? + ticks(17)?,
        })
    }
}
