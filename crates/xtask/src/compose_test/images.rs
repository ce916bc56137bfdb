//! Checks of our services' images: small, and without root.

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::docker::Docker;
use crate::cargo::services;

/// Greatest size of an image, in bytes.
const LARGEST: u64 = 50_000_000;

/// Checks the image of each service, and shows their sizes.
pub(super) async fn check(docker: &Docker) -> Result<()> {
    let mut sizes = Vec::new();
    for service in services().await? {
        let name = format!("{}-{service}", docker.project());
        let image = docker.docker(&["image", "inspect", &name]).await;
        let image =
            image.with_context(|| format!("{service} has no image in the compose files"))?;
        let image: Value = serde_json::from_str(&image)?;
        let size = image[0]["Size"].as_u64().context("an image has no size")?;
        ensure!(
            size < LARGEST,
            "the image of {service} has {size} bytes, more than {LARGEST}"
        );
        let user = image[0]["Config"]["User"].as_str().unwrap_or_default();
        ensure!(
            !matches!(user, "" | "0" | "root"),
            "the image of {service} runs as root"
        );
        let run = ["run", "--rm", &name, "--version"];
        let version = docker.docker(&run).await?;
        ensure!(
            version.starts_with(&format!("{service} ")),
            "the image of {service} has another program: {version}"
        );
        #[expect(clippy::cast_precision_loss, reason = "it is shown with one digit")]
        sizes.push(format!("{service} {:.1} MB", size as f64 / 1e6));
    }
    println!("    images: {}", sizes.join(", "));
    Ok(())
}
