//! B6: resident memory of each service.

use anyhow::Result;
use tokio::time::sleep;

use crate::load::{self, Load};
use crate::program::{Memory, Program};
use crate::stage::Stage;
use crate::table::{Goal, Table, Value};
use crate::{backlog, drain};

/// The services that run for ever.
pub(crate) const SERVICES: [&str; 4] = ["todo-web", "todo-api", "save-handler", "audit-handler"];

/// Measures and adds the rows.
pub(crate) async fn run(stage: &mut Stage, table: &mut Table) -> Result<()> {
    stage.fresh().await?;
    let mut programs = Vec::new();
    for service in SERVICES {
        let mut program = stage.service(service, 1, &[])?;
        program.ready().await?;
        programs.push(program);
    }
    sleep(stage.sizes.idle).await;
    let idle = memory(&programs)?;
    stage.say("B6: idle; now a backlog, requests and pages");

    backlog::publish(stage, stage.sizes.backlog).await?;
    let (web, api) = (&programs[0], &programs[1]);
    let load = Load {
        address: api.address(),
        requests: [load::post(
            "/todo",
            r#"{"item":"record the video for the campaign"}"#,
        )]
        .into(),
        status: 202,
        connections: 64,
        warm: stage.sizes.warm,
        time: stage.sizes.load,
    };
    let pages = Load {
        address: web.address(),
        requests: [load::get("/list")].into(),
        status: 200,
        connections: 8,
        ..load.clone()
    };
    tokio::try_join!(load::closed(&load), load::closed(&pages))?;
    for group in ["save-handler", "audit-handler"] {
        drain::watch_all(stage, group, &mut programs).await?;
        stage.say(&format!("B6: {group} is done"));
    }
    let after = memory(&programs)?;
    for program in programs {
        program.stop().await?;
    }
    add(table, &idle, &after);
    Ok(())
}

fn add(table: &mut Table, idle: &[Memory], after: &[Memory]) {
    for (when, memories, most) in [("idle", idle, 12.0), ("after the drain", after, 40.0)] {
        for (service, memory) in SERVICES.iter().zip(memories) {
            let what = format!("{service}: resident memory, {when}");
            let goal = Goal::Below(Value::Mebibytes(most));
            table.add("B6", what, Value::Mebibytes(memory.resident), goal);
        }
    }
    let peaks = SERVICES.iter().zip(after);
    let peaks = peaks.map(|(service, memory)| format!("{service} {:.0} MiB", memory.peak));
    table.note(format!(
        "B6: all four together; the drain is the backlog of B3, with requests to todo-api over 64 \
         connections and to todo-web over 8 meanwhile. At their height: {}.",
        peaks.collect::<Vec<_>>().join(", ")
    ));
}

fn memory(programs: &[Program]) -> Result<Vec<Memory>> {
    programs.iter().map(Program::memory).collect()
}
