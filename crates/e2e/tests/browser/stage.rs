//! The environment of a test: a running system, with a link to its page that can be cut, and browsers.

use std::time::Duration;

use testkit::{Chromedriver, Link, System, SystemOptions};

use crate::browser::Browser;

/// Time within which anything must happen that should take a moment.
pub(crate) const SOON: Duration = Duration::from_secs(20);

pub(crate) struct Stage {
    // Dropped in this order: browsers first.
    driver: Chromedriver,
    pub(crate) system: System,
    pub(crate) link: Link,
}

impl Stage {
    /// Starts the page, a saver, and the other services that the test needs.
    pub(crate) async fn start(others: &[&str]) -> Self {
        let services = [&["todo-web", "save-handler"], others].concat();
        let options = SystemOptions::default().only(&services);
        let (system, driver) = tokio::join!(System::start(options), Chromedriver::start());
        let system = system.unwrap();
        Self {
            driver: driver.unwrap(),
            link: Link::start(&system.web().unwrap()).await.unwrap(),
            system,
        }
    }

    /// Opens a browser without any data, on a screen of this size.
    pub(crate) async fn browser(&self, size: (u32, u32)) -> Browser {
        Browser::open(&self.driver, self.web(), size, true).await
    }

    /// Opens a browser like [`browser`](Self::browser), without JavaScript.
    pub(crate) async fn plain_browser(&self, size: (u32, u32)) -> Browser {
        Browser::open(&self.driver, self.web(), size, false).await
    }

    /// Returns the page's URL, without a slash at the end.
    pub(crate) fn web(&self) -> String {
        let web = self.system.web().unwrap();
        web.trim_end_matches('/').to_owned()
    }

    /// Returns the page's URL over the link, without a slash at the end.
    pub(crate) fn linked(&self) -> String {
        self.link.url(&self.web()).trim_end_matches('/').to_owned()
    }
}
