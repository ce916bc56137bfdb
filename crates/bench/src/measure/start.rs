//! B7: time from the start of a process until it is ready.

use anyhow::Result;

use super::memory::SERVICES;
use crate::numbers::median;
use crate::stage::Stage;
use crate::table::{Goal, Table, Value};

/// Measures and adds the rows.
pub(crate) async fn run(stage: &mut Stage, table: &mut Table) -> Result<()> {
    stage.fresh().await?;
    let mut slowest: f64 = 0.0;
    for service in SERVICES {
        let mut times = Vec::new();
        for _ in 0..stage.sizes.starts {
            let mut program = stage.service(service, 1, &[])?;
            times.push(program.ready().await?.as_secs_f64() * 1e3);
            program.stop().await?;
        }
        slowest = times.iter().copied().fold(slowest, f64::max);
        let time = Value::Milliseconds(median(times));
        stage.say(&format!("B7: {service}: {time}"));
        let goal = Goal::Below(Value::Milliseconds(150.0));
        table.add("B7", format!("{service}: start to ready"), time, goal);
    }
    table.note(format!(
        "B7: started {} times each, until /statusz says 200, asked every millisecond; medians. The \
         slowest of all took {slowest:.0} ms.",
        stage.sizes.starts
    ));
    Ok(())
}
