//! Holds the README to the code: its table of keys is the table of commands.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use ipvs_tui::command::readme_table;

const BEGIN: &str = "<!-- keys -->\n";
const END: &str = "<!-- /keys -->\n";

/// `UPDATE_README=1 cargo test --test readme` writes it anew.
#[test]
fn the_table_of_keys_is_the_table_of_commands() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    let readme = std::fs::read_to_string(path).unwrap();
    let (before, rest) = readme.split_once(BEGIN).expect("README.md says where its keys begin");
    let (keys, after) = rest.split_once(END).expect("README.md says where its keys end");
    let table = readme_table();
    if std::env::var_os("UPDATE_README").is_some() {
        std::fs::write(path, format!("{before}{BEGIN}{table}{END}{after}")).unwrap();
        return;
    }
    assert_eq!(keys, table, "write it anew with UPDATE_README=1 cargo test --test readme");
}
