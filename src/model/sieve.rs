//! A filter that is being typed: what it lets through shows at once, Enter keeps it, and Esc brings
//! back what was shown before.

use tui_input::{Input, InputRequest};

use super::{Filter, LogFilter, Model, Prompt, Row};
use crate::connections;

/// What a filter that is being typed is for, and what held before.
#[derive(Clone, Debug)]
pub enum Sieve {
    /// Services with their servers, or hosts.
    Table {
        /// What held before.
        before: Option<Filter>,
        /// What was selected then.
        selected: Option<Row>,
    },
    /// Rows of the connection table.
    Connections(Option<connections::Filter>),
    /// Lines of the journal.
    Journal(Option<LogFilter>),
}

impl Sieve {
    /// What held before, as it was typed.
    fn text(&self) -> &str {
        match self {
            Self::Table { before, .. } => before.as_ref().map_or("", Filter::text),
            Self::Connections(before) => before.as_ref().map_or("", connections::Filter::text),
            Self::Journal(before) => before.as_ref().map_or("", LogFilter::text),
        }
    }
}

impl Model {
    /// The longest filter.
    const LONGEST_FILTER: usize = 200;

    /// Asks for a filter; what holds now can be altered.
    pub(super) fn ask_for(&mut self, sieve: Sieve) {
        let input = Input::new(sieve.text().to_owned());
        self.prompt = Some(Prompt::Filter { input, wrong: None, sieve });
    }

    /// A key in it: what shows follows at once. What cannot be read, or is not whole yet, leaves it
    /// as it is.
    pub(super) fn typed_in_filter(&mut self, request: InputRequest) {
        let Some(Prompt::Filter { input, sieve, .. }) = &mut self.prompt else { return };
        let full = input.value().len() >= Self::LONGEST_FILTER;
        if !(full && matches!(request, InputRequest::InsertChar(_))) {
            input.handle(request);
        }
        let (text, sieve) = (input.value().to_owned(), sieve.clone());
        let read = match sieve {
            Sieve::Table { selected, .. } => self.rows_typed(&text, selected),
            Sieve::Connections(_) => self.connections_typed(&text),
            Sieve::Journal(_) => self.lines_typed(&text),
        };
        if let Some(Prompt::Filter { wrong, .. }) = &mut self.prompt {
            *wrong = read.err();
        }
    }

    /// Enter keeps it as it stands, unless it cannot be read.
    pub(super) fn keep_filter(&mut self, input: Input, sieve: Sieve) {
        let text = input.value();
        let kept = match &sieve {
            Sieve::Table { selected, .. } => self.keep_rows(text, *selected),
            Sieve::Connections(before) => self.keep_connections(text, before.as_ref()),
            Sieve::Journal(_) => LogFilter::read(text).map(|filter| self.show_lines(filter)),
        };
        if let Err(why) = kept {
            self.prompt = Some(Prompt::Filter { input, wrong: Some(why), sieve });
        }
    }

    /// Esc: what was shown before, and what was selected.
    pub(super) fn take_filter_back(&mut self, sieve: Sieve) {
        match sieve {
            Sieve::Table { before, selected } => self.narrow(before, selected),
            Sieve::Connections(before) => self.list_only(before),
            Sieve::Journal(before) => self.show_lines(before),
        }
    }

    /// Whether a filter of services or hosts is being typed.
    pub(super) fn types_a_table_s_filter(&self) -> bool {
        matches!(&self.prompt, Some(Prompt::Filter { sieve: Sieve::Table { .. }, .. }))
    }
}
