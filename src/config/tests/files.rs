//! Where files are, which are refused, and what cannot be read.

use super::*;

#[test]
fn the_places_are_those_of_xdg() {
    let of = |env: &'static [(&str, &str)]| {
        let get = |name: &str| env.iter().find(|(n, _)| *n == name).map(|(_, v)| v.into());
        Places::of(None, 0, &get).user.map(|path| path.display().to_string())
    };
    assert_eq!(of(&[("HOME", "/root")]).as_deref(), Some("/root/.config/ipvs-tui/config.toml"));
    let both = of(&[("HOME", "/root"), ("XDG_CONFIG_HOME", "/x")]);
    assert_eq!(both.as_deref(), Some("/x/ipvs-tui/config.toml"));
    assert_eq!(of(&[("XDG_CONFIG_HOME", "x")]), None);
}

#[test]
fn files_that_others_may_have_written_are_refused() {
    let home = Home::new();
    let path = home.write("user.toml", "slow = true");
    if rustix::process::geteuid().is_root() {
        rustix::fs::chown(&path, Some(rustix::fs::Uid::from_raw(1000)), None).unwrap();
    }
    let error = Config::load(&Places { uid: 4711, ..home.places() }).unwrap_err().to_string();
    assert!(error.contains("user.toml: is refused, because it belongs to user "), "{error}");
    assert!(error.contains("this runs as user 4711") && error.contains("--config"), "{error}");
    let named = Places { uid: 4711, named: Some(path.clone()), ..home.places() };
    assert!(Config::load(&named).unwrap().slow, "who names a file trusts it");

    fs::set_permissions(&path, fs::Permissions::from_mode(0o646)).unwrap();
    let error = Config::load(&named).unwrap_err().to_string();
    assert!(error.ends_with("because everyone may write it; take that away with 'chmod o-w'"));
}

#[test]
fn what_cannot_be_read_is_told() {
    let home = Home::new();
    let named = |path: &str| {
        let places = Places { named: Some(home.0.join(path)), ..home.places() };
        Config::load(&places).unwrap_err().to_string()
    };
    assert!(named("none.toml").ends_with("none.toml: cannot be read: it does not exist"));
    assert!(named(".").ends_with(": is no file"));
    home.write("binary.toml", b"slow = true\n\xff\xfe");
    assert!(named("binary.toml").ends_with("binary.toml:2: this is not text in UTF-8"));
    home.write("large.toml", "#".repeat(300_000));
    assert!(named("large.toml").contains("larger than 256 KiB"));
    // A pipe in place of the user's file does not hang the console.
    let pipe = home.0.join("user.toml");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0)
        .unwrap();
    assert_eq!(home.load().unwrap_err(), "user.toml: is no file");
}
