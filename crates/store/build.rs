//! Embeds the migrations anew when one was added: the macro that embeds them watches the files
//! that it saw, not the directory.

fn main() {
    println!("cargo::rerun-if-changed=../../migrations");
}
