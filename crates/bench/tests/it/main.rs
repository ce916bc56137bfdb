//! A test that the benchmark itself works; the figures are no matter of tests.

use std::process::Command;

#[test]
fn every_figure_is_measured_and_shown_beside_its_reference() {
    let output = Command::new(env!("CARGO_BIN_EXE_bench"))
        .arg("--quick")
        .output()
        .unwrap();
    let (table, progress) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{progress}");
    for number in 1..=10 {
        let figure = format!("B{number} ");
        assert!(
            table.lines().any(|line| line.starts_with(&figure)),
            "{table}"
        );
    }
    assert!(table.contains("too small for a verdict"), "{table}");
}
