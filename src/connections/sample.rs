//! Rows of the connection table, held: 16 bytes each, and 16 more for an IPv6 client. What many
//! rows have in common is held once.
//!
//! ```text
//! slot   client (v4 bits, or a number in `wide`), lane, expires, port, state, flags
//! lane   protocol, target, server, template or not
//! piece  where the rows of one read begin, and when that read was done
//! ```

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hashbrown::{DefaultHashBuilder, HashTable};
use std::hash::BuildHasher;

use super::lane::Lane;
use crate::ipvs::{ConnState, Connection, EngineData, Family, Origin, Protocol};
use crate::kernel::proc::conn::ConnRow;

/// Of what a persistence engine keeps with a row, so many bytes are held. The kernel allows 255
/// (`IP_VS_PEDATA_MAXLEN`), and whoever sends SIP chooses them.
const MOST_ENGINE: usize = 96;
/// The name of an engine (`IP_VS_PENAME_MAXLEN`).
const MOST_NAME: usize = 16;
/// All of it.
const WHOLE_ENGINE: usize = 255;
/// States that can be told apart. Kernels have some 25 words for them.
const MOST_STATES: usize = 255;

const WIDE: u8 = 1;
const LOCAL: u8 = 2;
const SYNC: u8 = 4;

/// A row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Slot {
    client: u32,
    lane: u32,
    expires: u32,
    port: u16,
    state: u8,
    flags: u8,
}

/// The rows of one read.
#[derive(Clone, Copy, Debug)]
struct Piece {
    first: u32,
    /// Milliseconds after the pass began.
    at: u32,
}

/// What a persistence engine keeps with a row, cut if it is long.
#[derive(Clone, Copy, Debug)]
struct Kept {
    row: u32,
    start: u32,
    name: u8,
    data: u8,
    cut: bool,
}

/// Rows that were read in one pass, in the table's order.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    slots: Vec<Slot>,
    wide: Vec<u128>,
    lanes: Arc<Vec<Lane>>,
    states: Vec<ConnState>,
    pieces: Vec<Piece>,
    kept: Vec<Kept>,
    text: Vec<u8>,
}

impl Rows {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// The row at `place`, in the table's order.
    pub fn get(&self, place: usize) -> Option<Row<'_>> {
        let slot = *self.slots.get(place)?;
        Some(Row { rows: self, place, slot })
    }

    /// All of them.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Row<'_>> + '_ {
        let slots = self.slots.iter().enumerate();
        slots.map(|(place, slot)| Row { rows: self, place, slot: *slot })
    }

    /// What rows have in common, by their numbers.
    pub fn lanes(&self) -> &[Lane] {
        &self.lanes
    }

    /// The same, for whoever keeps them.
    pub(super) fn shared_lanes(&self) -> Arc<Vec<Lane>> {
        Arc::clone(&self.lanes)
    }

    /// The states that occur, by their numbers.
    pub fn states(&self) -> &[ConnState] {
        &self.states
    }

    /// Bytes of memory that all this takes.
    pub fn bytes(&self) -> usize {
        fn of<T>(vec: &Vec<T>) -> usize {
            vec.capacity() * size_of::<T>()
        }
        let wide = of(&self.wide) + of(&self.slots) + of(&self.lanes);
        wide + of(&self.pieces) + of(&self.kept) + of(&self.text) + of(&self.states)
    }
}

/// One row, borrowed.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    rows: &'a Rows,
    place: usize,
    slot: Slot,
}

impl<'a> Row<'a> {
    /// Its place in the table's order, from 0.
    pub fn place(&self) -> usize {
        self.place
    }

    /// Address of the client.
    pub fn client(&self) -> IpAddr {
        if self.slot.flags & WIDE == 0 {
            return Ipv4Addr::from_bits(self.slot.client).into();
        }
        let bits = self.rows.wide.get(self.slot.client as usize).copied().unwrap_or_default();
        Ipv6Addr::from_bits(bits).into()
    }

    /// Port of the client; 0 for templates.
    pub fn client_port(&self) -> u16 {
        self.slot.port
    }

    /// The number of its lane.
    pub fn lane_number(&self) -> usize {
        self.slot.lane as usize
    }

    /// The number of its state.
    pub fn state_number(&self) -> usize {
        self.slot.state.into()
    }

    /// What it has in common with others. Every row has a lane.
    pub fn lane(&self) -> Option<&'a Lane> {
        self.rows.lanes.get(self.lane_number())
    }

    /// Whether it is a persistence template.
    pub fn is_template(&self) -> bool {
        self.lane().is_some_and(|lane| lane.template)
    }

    /// Whether it is an FTP data connection that waits for the client's port.
    pub fn awaits_port(&self) -> bool {
        self.slot.port == 0 && !self.is_template()
    }

    /// The state. Words beyond the 255th are one.
    pub fn state(&self) -> &'a ConnState {
        self.rows.states.get(self.state_number()).unwrap_or(&ConnState::None)
    }

    /// Seconds until it expires; 0 also if that is overdue.
    pub fn expires(&self) -> u32 {
        self.slot.expires
    }

    /// Where it came from, if that was read.
    pub fn origin(&self) -> Option<Origin> {
        match self.slot.flags & (LOCAL | SYNC) {
            LOCAL => Some(Origin::Local),
            SYNC => Some(Origin::Sync),
            _ => None,
        }
    }

    /// When it was read, after the pass began.
    pub fn read_at(&self) -> Duration {
        let pieces = &self.rows.pieces;
        let after = pieces.partition_point(|piece| piece.first as usize <= self.place);
        let piece = after.checked_sub(1).and_then(|piece| pieces.get(piece));
        Duration::from_millis(piece.map_or(0, |piece| piece.at).into())
    }

    /// What its persistence engine keeps, escaped, and whether there was more of it.
    pub fn engine(&self) -> Option<(EngineData, bool)> {
        let kept = self.kept()?;
        let (name, data) = self.engine_bytes(kept);
        Some((EngineData::new(name, data), kept.cut))
    }

    /// Whether what its persistence engine keeps, or the engine's name, contains these bytes,
    /// whatever the case of letters. `None` if it keeps nothing.
    pub fn engine_contains(&self, wanted: &[u8]) -> Option<bool> {
        let (name, data) = self.engine_bytes(self.kept()?);
        Some(contains(name, wanted) || contains(data, wanted))
    }

    /// Whether a persistence engine keeps something with it.
    pub fn has_engine(&self) -> bool {
        self.kept().is_some()
    }

    fn kept(&self) -> Option<Kept> {
        let row = u32::try_from(self.place).ok()?;
        let kept = &self.rows.kept;
        kept.binary_search_by_key(&row, |kept| kept.row).ok().and_then(|at| kept.get(at)).copied()
    }

    fn engine_bytes(&self, kept: Kept) -> (&'a [u8], &'a [u8]) {
        let from = self.rows.text.get(kept.start as usize..).unwrap_or_default();
        let (name, rest) = from.split_at_checked(kept.name.into()).unwrap_or_default();
        (name, rest.get(..kept.data.into()).unwrap_or_default())
    }

    /// The row as a value of its own.
    pub fn to_connection(&self) -> Option<Connection> {
        let lane = self.lane()?;
        Some(Connection {
            protocol: lane.protocol,
            client: SocketAddr::new(self.client(), self.client_port()),
            target: lane.target,
            server: lane.server,
            state: self.state().clone(),
            template: lane.template,
            expires: self.expires(),
            origin: self.origin(),
            engine: self.engine().map(|(engine, _)| Box::new(engine)),
        })
    }
}

/// Whether `bytes` contain `wanted`, whatever the case of ASCII letters. An empty one is in all.
pub(super) fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    wanted.is_empty() || bytes.windows(wanted.len()).any(|part| part.eq_ignore_ascii_case(wanted))
}

/// Takes rows in, one pass long. The kernel can repeat some while the table changes: rows that come
/// again are dropped, where no two can be alike.
#[derive(Debug)]
pub struct Holder {
    rows: Rows,
    most_engine: usize,
    words: Vec<Box<[u8]>>,
    lanes: HashTable<u32>,
    seen: HashTable<u32>,
    hasher: DefaultHashBuilder,
    repeated: u64,
}

impl Default for Holder {
    fn default() -> Self {
        Self {
            rows: Rows::default(),
            most_engine: MOST_ENGINE,
            words: Vec::new(),
            lanes: HashTable::new(),
            seen: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
            repeated: 0,
        }
    }
}

impl Holder {
    /// One that cuts nothing of what persistence engines keep.
    pub fn uncut() -> Self {
        Self { most_engine: WHOLE_ENGINE, ..Self::default() }
    }

    /// The rows that follow were read so long after the pass began.
    pub fn piece(&mut self, at: Duration) {
        let first = u32::try_from(self.rows.slots.len()).unwrap_or(u32::MAX);
        let at = u32::try_from(at.as_millis()).unwrap_or(u32::MAX);
        match self.rows.pieces.last_mut() {
            Some(last) if last.first == first => last.at = at,
            // Finer than a millisecond nobody asks.
            Some(last) if last.at == at => {}
            _ => self.rows.pieces.push(Piece { first, at }),
        }
    }

    /// Makes room for so many rows, before the first is held.
    pub fn reserve(&mut self, rows: usize) {
        if self.rows.is_empty() {
            self.rows.slots.reserve_exact(rows);
            self.seen.reserve(rows, |_| 0); // there is nothing to be put elsewhere
        }
    }

    /// Rows held so far.
    pub fn rows(&self) -> &Rows {
        &self.rows
    }

    /// Rows that came a second time and were dropped.
    pub fn repeated(&self) -> u64 {
        self.repeated
    }

    /// Holds a row, unless it is one that is held already.
    pub fn push(&mut self, row: &ConnRow<'_>) {
        let lane = self.lane(&Lane::of(row));
        let (client, wide) = match row.client {
            IpAddr::V4(v4) => (v4.to_bits(), None),
            IpAddr::V6(v6) => {
                (u32::try_from(self.rows.wide.len()).unwrap_or(u32::MAX), Some(v6.to_bits()))
            }
        };
        let mut flags = match row.origin {
            Some(Origin::Local) => LOCAL,
            Some(Origin::Sync) => SYNC,
            None => 0,
        };
        if wide.is_some() {
            flags |= WIDE;
        }
        let number = u32::try_from(self.rows.slots.len()).unwrap_or(u32::MAX);
        if !may_be_alike(row) && !self.is_new(number, lane, client, wide, row.client_port) {
            self.repeated += 1;
            return;
        }
        let state = self.state(row.state);
        let (expires, port) = (row.expires, row.client_port);
        self.rows.wide.extend(wide);
        self.rows.slots.push(Slot { client, lane, expires, port, state, flags });
        if let Some((name, data)) = row.engine {
            self.keep(number, name, data);
        }
    }

    /// What was read, given back unused memory.
    pub fn finish(self) -> Rows {
        let mut rows = self.rows;
        rows.slots.shrink_to_fit();
        rows.wide.shrink_to_fit();
        Arc::make_mut(&mut rows.lanes).shrink_to_fit();
        rows.text.shrink_to_fit();
        rows.kept.shrink_to_fit();
        rows
    }

    /// Bytes of memory that holding takes while it goes on.
    pub fn bytes(&self) -> usize {
        self.rows.bytes() + self.lanes.allocation_size() + self.seen.allocation_size()
    }

    fn lane(&mut self, lane: &Lane) -> u32 {
        let hasher = &self.hasher;
        let hash = |lane: &Lane| hasher.hash_one(key(lane));
        let wanted = hash(lane);
        let held = &self.rows.lanes;
        let found = self.lanes.find(wanted, |at| held.get(*at as usize) == Some(lane));
        if let Some(number) = found {
            return *number;
        }
        let lanes = Arc::make_mut(&mut self.rows.lanes);
        let number = u32::try_from(lanes.len()).unwrap_or(u32::MAX);
        lanes.push(*lane);
        self.lanes.insert_unique(wanted, number, |at| lanes.get(*at as usize).map_or(0, hash));
        number
    }

    fn is_new(
        &mut self,
        number: u32,
        lane: u32,
        client: u32,
        wide: Option<u128>,
        port: u16,
    ) -> bool {
        let (hasher, rows) = (&self.hasher, &self.rows);
        let hash = |bits: u128, lane: u32, port: u16| {
            hasher.hash_one((bits, u64::from(lane) << 16 | u64::from(port)))
        };
        let bits_of = |slot: &Slot| match slot.flags & WIDE {
            0 => u128::from(slot.client),
            _ => rows.wide.get(slot.client as usize).copied().unwrap_or_default(),
        };
        // The family is the lane's.
        let bits = wide.unwrap_or(client.into());
        let wanted = hash(bits, lane, port);
        let same = |at: &u32| {
            let slot = rows.slots.get(*at as usize);
            slot.is_some_and(|s| s.lane == lane && s.port == port && bits_of(s) == bits)
        };
        if self.seen.find(wanted, same).is_some() {
            return false;
        }
        self.seen.insert_unique(wanted, number, |at| {
            let slot = rows.slots.get(*at as usize);
            slot.map_or(0, |slot| hash(bits_of(slot), slot.lane, slot.port))
        });
        true
    }

    fn state(&mut self, word: &[u8]) -> u8 {
        let known = self.words.iter().position(|known| **known == *word);
        let number = known.unwrap_or_else(|| {
            if self.words.len() < MOST_STATES {
                self.words.push(word.into());
                self.rows.states.push(ConnState::new(word));
            }
            self.words.len() - 1
        });
        u8::try_from(number).unwrap_or(u8::MAX)
    }

    fn keep(&mut self, row: u32, name: &[u8], data: &[u8]) {
        let name_held = name.get(..MOST_NAME).unwrap_or(name);
        let data_held = data.get(..self.most_engine).unwrap_or(data);
        let Ok(start) = u32::try_from(self.rows.text.len()) else { return };
        self.rows.text.extend_from_slice(name_held);
        self.rows.text.extend_from_slice(data_held);
        self.rows.kept.push(Kept {
            row,
            start,
            name: name_held.len() as u8,
            data: data_held.len() as u8,
            cut: data_held.len() < data.len() || name_held.len() < name.len(),
        });
    }
}

/// Whether the table may have two of this row, as far as is compared: templates of SIP calls
/// differ in what the engine keeps, and invalidated ones in nothing. Where origins are told engines
/// are not, and only UDP has one (a mark's templates are of any protocol).
fn may_be_alike(row: &ConnRow<'_>) -> bool {
    let engine = match row.origin {
        Some(_) => row.protocol != Protocol::TCP && row.protocol != Protocol::SCTP,
        None => row.engine.is_some(),
    };
    row.is_template() && (engine || row.is_invalidated())
}

/// A lane as few numbers, which hash faster than its many small parts.
fn key(lane: &Lane) -> (u128, u128, u64) {
    let bits = |addr: IpAddr| match addr {
        IpAddr::V4(v4) => u128::from(v4.to_bits()),
        IpAddr::V6(v6) => v6.to_bits(),
    };
    let (to, port) = match lane.target {
        crate::ipvs::Target::Address(to) => (bits(to.addr), to.port),
        crate::ipvs::Target::Fwmark(mark) => (u128::from(mark), 0),
    };
    let small = u64::from(port) << 48
        | u64::from(lane.server.port) << 32
        | u64::from(lane.protocol.0) << 16
        | u64::from(lane.template) << 1
        | u64::from(lane.family == Family::V6);
    (to, bits(lane.server.addr), small)
}
