//! The page `/system`, while the system changes.

use testkit::{SystemOptions, eventually, http};

use crate::{
    live::{hear, watch},
    user::{SOON, User, between},
};

/// Returns the page's number of pending events of a group.
fn waiting(page: &str, group: &str) -> u64 {
    let row = between(page, &format!("<th scope=\"row\">{group}</th>"), "</tr>");
    let cell = row.split("<td>").nth(3).unwrap();
    let count = cell.split('<').next().unwrap().replace(',', "");
    count.parse().unwrap_or_else(|_| panic!("{cell}"))
}

impl User {
    /// Returns the page, as soon as it satisfies `look`.
    async fn system_page(&self, what: &str, look: impl Fn(&str) -> bool) -> String {
        let address = format!(
            "{}/system",
            self.system.web().unwrap().trim_end_matches('/')
        );
        eventually(what, SOON, async || {
            let page = http::get(&address).await.unwrap();
            assert_eq!(page.status, 200, "{}", page.text());
            let page = page.text();
            if look(&page) { Ok(page) } else { Err(page) }
        })
        .await
    }
}

#[tokio::test]
async fn the_picture_shows_a_backlog_grow_and_drain_and_who_is_missing_and_who_is_new() {
    let options = SystemOptions::default().without("audit-handler");
    let mut user = User::start(options).await;
    let savers = user.system.members_of("save-handler");
    let is_here = |page: &str, member: &str| {
        page.contains(&format!("<th scope=\"row\">{member}</th><td>answers"))
    };
    let page = user.system_page("both savers are there", |page| {
        savers.iter().all(|saver| is_here(page, saver))
    });
    assert!(page.await.contains(" members answer."));

    // One is killed, the other is asked to stop.
    user.system.kill_member(&savers[0]).await.unwrap();
    let one_missing = format!("{} does not answer.", savers[0]);
    let page = user
        .system_page("the dead one is missing", |page| {
            page.contains(&one_missing)
        })
        .await;
    assert!(is_here(&page, &savers[1]), "{page}");
    assert!(page.contains("class=\"member missing\""), "{page}");
    user.system.stop_member(&savers[1]).await.unwrap();
    let mut before = 0;
    for count in [5, 40] {
        for n in 0..count {
            user.add(&format!("item {n}")).await;
        }
        let page = user
            .system_page("the backlog has grown", |page| {
                waiting(page, "save-handler") >= before + count
            })
            .await;
        let now = waiting(&page, "save-handler");
        assert!(page.contains("class=\"curve\""), "{page}");
        assert!(page.contains("Nobody of save-handler is there"), "{page}");
        before = now;
    }
    for saver in &savers {
        user.system.restart_member(saver).await.unwrap();
    }
    let page = user.system_page("the backlog is worked off", |page| {
        waiting(page, "save-handler") == 0 && savers.iter().all(|saver| is_here(page, saver))
    });
    page.await;

    // A subscriber sees a group that joins later, without a request.
    let mut watching = watch(&user, "/system/live").await;
    hear(&mut watching, "<th scope=\"row\">save-handler</th>").await;
    let audit = user.system.add_member("audit-handler").await.unwrap();
    hear(
        &mut watching,
        &format!("<th scope=\"row\">{audit}</th><td>answers"),
    )
    .await;
    let page = user.system_page("it has caught up", |page| {
        page.contains(">audit-handler</text>") && waiting(page, "audit-handler") == 0
    });
    page.await;
}
