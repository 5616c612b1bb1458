//! Frames: a length and a checksum around what is written, and finding them again.

use super::Flaw;

/// The format that is written, and the newest that is read.
pub const VERSION: u64 = 1;
/// What every recording begins with; behind it stand the version and a newline.
const MAGIC: &[u8] = b"ipvs-tui recording ";
/// The longest version that is looked for, in digits.
const DIGITS: usize = 10;
/// What every frame begins with.
const MARK: u8 = 0xf1;
/// Mark, kind, length, checksum.
const HEAD: usize = 10;
/// A table of a million servers takes some 40 MB.
const LONGEST: usize = 256 << 20;

/// What a frame holds; see the table of [`crate::record`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Kind(pub(super) u8);

impl Kind {
    pub(super) const ABOUT: Self = Self(b'A');
    pub(super) const KEY: Self = Self(b'K');
    pub(super) const DELTA: Self = Self(b'D');
    pub(super) const OUTSIDE: Self = Self(b'O');
    pub(super) const JOURNAL: Self = Self(b'J');
    pub(super) const MACHINE: Self = Self(b'M');
    pub(super) const UNREADABLE: Self = Self(b'U');
    pub(super) const LOST: Self = Self(b'L');
    pub(super) const END: Self = Self(b'Z');

    /// Whether reading can begin with it.
    fn begins(self) -> bool {
        matches!(self, Self::ABOUT | Self::KEY)
    }
}

/// The line that a recording begins with.
pub(super) fn title() -> Vec<u8> {
    let mut title = MAGIC.to_vec();
    title.extend_from_slice(format!("{VERSION}\n").as_bytes());
    title
}

/// Puts a frame around `payload`.
pub(super) fn frame(kind: Kind, payload: &[u8], out: &mut Vec<u8>) {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX).to_le_bytes();
    out.extend_from_slice(&[MARK, kind.0]);
    out.extend_from_slice(&length);
    out.extend_from_slice(&checksum(kind, length, payload).to_le_bytes());
    out.extend_from_slice(payload);
}

fn checksum(kind: Kind, length: [u8; 4], payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&[kind.0]);
    hasher.update(&length);
    hasher.update(payload);
    hasher.finalize()
}

/// Where a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) kind: Kind,
    /// Where its payload begins, from the beginning of the file.
    pub(super) at: usize,
    /// How long that is.
    pub(super) length: usize,
}

impl Found {
    fn end(&self) -> usize {
        self.at + self.length
    }
}

/// What the first line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Title {
    /// Frames begin here.
    Ours(usize),
    /// It is cut before its end.
    Cut,
    /// A later format.
    Newer(u64),
    /// No recording.
    Foreign,
}

/// Reads the first line.
pub(super) fn read_title(bytes: &[u8]) -> Title {
    let Some(rest) = bytes.strip_prefix(MAGIC) else {
        return if MAGIC.starts_with(bytes) { Title::Cut } else { Title::Foreign };
    };
    let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    let number = rest.get(..digits).and_then(|d| std::str::from_utf8(d).ok());
    let version = number.filter(|_| digits <= DIGITS).and_then(|d| d.parse::<u64>().ok());
    match (rest.get(digits), version) {
        (None, _) if digits <= DIGITS => Title::Cut,
        (Some(b'\n'), Some(VERSION)) => Title::Ours(MAGIC.len() + digits + 1),
        (Some(b'\n'), Some(newer)) if newer > VERSION => Title::Newer(newer),
        _ => Title::Foreign,
    }
}

/// What is in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Scan {
    /// The whole frames, in order.
    pub(super) frames: Vec<Found>,
    /// Stretches that are damaged, with whole frames behind them: from, until.
    pub(super) damaged: Vec<(usize, usize)>,
    /// Up to where it is whole: what is behind was cut.
    pub(super) whole: usize,
}

/// Finds the frames behind the first line, which ends at `start`.
pub(super) fn scan(bytes: &[u8], start: usize) -> Scan {
    let mut scan = Scan { whole: start, ..Scan::default() };
    let mut at = start;
    while at < bytes.len() {
        match frame_at(bytes, at) {
            Ok(found) => {
                at = found.end();
                scan.frames.push(found);
                scan.whole = at;
            }
            Err(_) => match next_beginning(bytes, at + 1) {
                Some(next) => {
                    scan.damaged.push((at, next));
                    at = next;
                }
                None => break,
            },
        }
    }
    scan
}

/// The frame that begins at `at`.
fn frame_at(bytes: &[u8], at: usize) -> Result<Found, Flaw> {
    let head = bytes.get(at..).and_then(|rest| rest.get(..HEAD)).ok_or(Flaw::Short)?;
    let [MARK, kind, a, b, c, d, e, f, g, h] = *head else { return Err(Flaw::Damaged) };
    let length_bytes = [a, b, c, d];
    let length = u32::from_le_bytes(length_bytes) as usize;
    if length > LONGEST {
        return Err(Flaw::Damaged);
    }
    let found = Found { kind: Kind(kind), at: at + HEAD, length };
    let payload = bytes.get(found.at..found.end()).ok_or(Flaw::Short)?;
    let sum = u32::from_le_bytes([e, f, g, h]);
    if checksum(found.kind, length_bytes, payload) != sum {
        return Err(Flaw::Damaged);
    }
    Ok(found)
}

/// Where the next whole frame is that reading can begin with.
fn next_beginning(bytes: &[u8], from: usize) -> Option<usize> {
    let mut from = from;
    loop {
        let rest = bytes.get(from..)?;
        let at = from + rest.iter().position(|byte| *byte == MARK)?;
        let begins = bytes.get(at + 1).is_some_and(|kind| Kind(*kind).begins());
        if begins && frame_at(bytes, at).is_ok() {
            return Some(at);
        }
        from = at + 1;
    }
}

/// The payload of a frame, if it is what was written.
pub(super) fn payload(head_and_payload: &[u8]) -> Result<&[u8], Flaw> {
    let found = frame_at(head_and_payload, 0)?;
    head_and_payload.get(found.at..found.end()).ok_or(Flaw::Short)
}

/// Where a frame begins, given where its payload does.
pub(super) fn beginning(payload: usize) -> usize {
    payload.saturating_sub(HEAD)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(payloads: &[(Kind, &[u8])]) -> Vec<u8> {
        let mut file = title();
        payloads.iter().for_each(|(kind, payload)| frame(*kind, payload, &mut file));
        file
    }

    #[test]
    fn the_first_line_tells_what_it_is() {
        let ours = title();
        for end in 0..ours.len() {
            assert_eq!(read_title(&ours[..end]), Title::Cut, "{end}");
        }
        assert_eq!(read_title(&ours), Title::Ours(ours.len()));
        assert_eq!(read_title(b"ipvs-tui recording 12\nF"), Title::Newer(12));
        for foreign in
            ["{\"journal\":1}\n", "ipvs-tui recording 0\n", "ipvs-tui recording x\n", "ipvs-tui ?"]
        {
            assert_eq!(read_title(foreign.as_bytes()), Title::Foreign, "{foreign}");
        }
        assert_eq!(read_title(b"ipvs-tui recording 99999999999999999999999\n"), Title::Foreign);
    }

    #[test]
    fn a_cut_takes_the_frame_that_it_is_in() {
        let start = title().len();
        let whole = file(&[(Kind::KEY, b"key"), (Kind::DELTA, b""), (Kind::DELTA, b"delta")]);
        let frames = scan(&whole, start).frames;
        assert_eq!(frames.len(), 3);
        for end in start..=whole.len() {
            let cut = scan(&whole[..end], start);
            let expected: Vec<Found> = frames.iter().copied().filter(|f| f.end() <= end).collect();
            assert_eq!(cut.frames, expected, "{end}");
            assert_eq!(cut.whole, expected.last().map_or(start, Found::end));
            assert_eq!(cut.damaged, []);
        }
    }

    #[test]
    fn behind_a_damaged_frame_it_goes_on_with_the_next_group() {
        let (start, key) = (title().len(), (Kind::KEY, &b"key"[..]));
        let delta = (Kind::DELTA, &b"delta"[..]);
        let whole = file(&[key, delta, delta, key, delta]);
        let first = scan(&whole, start).frames[1];
        for at in beginning(first.at)..first.end() {
            for bit in 0..8 {
                let mut damaged = whole.clone();
                damaged[at] ^= 1 << bit;
                let found = scan(&damaged, start);
                let kinds: Vec<Kind> = found.frames.iter().map(|f| f.kind).collect();
                assert_eq!(kinds, [Kind::KEY, Kind::KEY, Kind::DELTA], "{at} {bit}");
                assert_eq!(found.damaged.len(), 1);
                assert_eq!(found.whole, whole.len());
            }
        }
    }
}
