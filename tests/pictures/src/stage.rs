//! Plays a scene: the program in a terminal of its own, keys, and waiting until nothing moves.

use std::fs;
use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use crate::scenes::{Scene, Step};

/// The program is looked at this often.
const LOOK: Duration = Duration::from_millis(10);
/// So many looks in a row have to find it asleep. It holds a frame back for 100 ms at most.
const LOOKS: u32 = 25;
/// The longest that a step may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the terminal shows at the end of `scene`.
pub fn play(program: &str, scene: &Scene) -> anyhow::Result<vt100::Screen> {
    let mut stage = Stage::open(program, scene)?;
    stage.settle()?;
    for step in scene.steps {
        match step {
            Step::Keys(keys) => stage.keys(keys)?,
            Step::Polls(times) => stage.keys(&"r".repeat(*times))?,
            Step::Shows(text) if stage.text().contains(text) => {}
            Step::Shows(text) => bail!("'{text}' is not on the screen:\n{}", stage.text()),
        }
    }
    let screen = stage.tape().parser.screen().clone();
    Ok(screen)
}

/// What the program has written so far.
struct Tape {
    parser: vt100::Parser,
    /// Something came since this was asked last.
    moved: bool,
}

struct Stage {
    child: Box<dyn Child + Send + Sync>,
    keyboard: Box<dyn Write + Send>,
    tape: Arc<Mutex<Tape>>,
    _master: Box<dyn MasterPty + Send>,
}

impl Stage {
    fn open(program: &str, scene: &Scene) -> anyhow::Result<Self> {
        let (columns, rows) = scene.size;
        let size = PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 };
        let pty = native_pty_system().openpty(size)?;
        let mut command = CommandBuilder::new(program);
        command.env_clear();
        let fixed = [("TERM", "xterm-256color"), ("LANG", "C.UTF-8"), ("TZ", "UTC")];
        for (name, value) in fixed.iter().chain(scene.environment) {
            command.env(name, value);
        }
        command.args(["demo", "--seed", "1", "--polls", &scene.polls.to_string()]);
        command.args(scene.arguments);
        command.cwd("/");
        let mut reader = pty.master.try_clone_reader()?;
        let keyboard = pty.master.take_writer()?;
        let child = pty.slave.spawn_command(command).context(program.to_owned())?;
        let (rows, columns) = (NonZeroU16::new(rows), NonZeroU16::new(columns));
        let (rows, columns) = rows.zip(columns).context("a terminal without cells")?;
        let parser = vt100::Parser::new(rows, columns, 0);
        let tape = Arc::new(Mutex::new(Tape { parser, moved: true }));
        let recorder = Arc::clone(&tape);
        std::thread::spawn(move || {
            let mut bytes = [0; 8192];
            while let Ok(n @ 1..) = reader.read(&mut bytes) {
                let mut tape = recorder.lock().unwrap_or_else(PoisonError::into_inner);
                tape.parser.process(bytes.get(..n).unwrap_or_default());
                tape.moved = true;
            }
        });
        Ok(Self { child, keyboard, tape, _master: pty.master })
    }

    fn tape(&self) -> MutexGuard<'_, Tape> {
        self.tape.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn text(&self) -> String {
        self.tape().parser.screen().contents()
    }

    fn keys(&mut self, keys: &str) -> anyhow::Result<()> {
        self.keyboard.write_all(keys.as_bytes())?;
        self.settle()
    }

    /// Waits until the program has nothing left to do: its screen stands still and every thread
    /// of it sleeps. On a busy machine a thread that has work waits awake, so this takes longer
    /// there and finds the same.
    fn settle(&mut self) -> anyhow::Result<()> {
        let begun = Instant::now();
        let mut still = 0;
        while still < LOOKS {
            sleep(LOOK);
            if let Some(status) = self.child.try_wait()? {
                bail!("the program has ended ({status}):\n{}", self.text());
            }
            if begun.elapsed() > PATIENCE {
                bail!("the screen does not come to rest:\n{}", self.text());
            }
            let moved = std::mem::take(&mut self.tape().moved);
            still = if moved || !self.asleep()? { 0 } else { still + 1 };
        }
        if self.text().trim().is_empty() {
            bail!("the program shows nothing");
        }
        Ok(())
    }

    fn asleep(&self) -> anyhow::Result<bool> {
        let id = self.child.process_id().context("the program has no process")?;
        for thread in fs::read_dir(format!("/proc/{id}/task"))? {
            // `12 (name) S ...`; one that has just ended is not waited for.
            let Ok(stat) = fs::read_to_string(thread?.path().join("stat")) else { continue };
            let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
            if state != Some('S') {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
