//! The order of services, of real servers within theirs, and of hosts.

use std::cmp::Reverse;

use super::Column;

/// What is sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum By {
    /// Address and port, ipvsadm's order.
    #[default]
    Address,
    /// The rate that is shown, whichever that is, as the kernel averages it.
    Rate,
    /// Another column.
    Column(Column),
}

/// An order: addresses ascend and numbers descend, unless it is reversed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sort {
    /// By what.
    pub by: By,
    /// The other way round.
    pub reversed: bool,
}

impl Sort {
    /// By the next of `columns`, in that column's own direction, and after the last by address.
    /// Numbers come before forwarding methods. Of several rates the chosen one counts, once.
    #[must_use]
    pub(super) fn next(self, columns: &[Column]) -> Self {
        let mut all = vec![By::Address];
        let (words, numbers): (Vec<Column>, Vec<Column>) =
            columns.iter().partition(|column| **column == Column::Forwarding);
        for column in numbers.iter().chain(&words).filter(|column| !column.is_line()) {
            let by = if column.is_rate() { By::Rate } else { By::Column(*column) };
            if !all.contains(&by) {
                all.push(by);
            }
        }
        let place = all.iter().position(|by| *by == self.by).unwrap_or(0);
        let by = all.iter().cycle().nth(place + 1).copied().unwrap_or_default();
        Self { by, reversed: false }
    }

    /// By a column whose head was clicked: a second time, the other way round.
    #[must_use]
    pub(super) fn clicked(self, by: By) -> Self {
        Self { by, reversed: self.by == by && !self.reversed }
    }

    /// Whether the largest comes first. Forwarding methods are words.
    pub fn descends(self) -> bool {
        let words = matches!(self.by, By::Address | By::Column(Column::Forwarding));
        words == self.reversed
    }

    /// Whether it is ipvsadm's own order.
    pub fn is_plain(self) -> bool {
        self == Self::default()
    }

    /// Sorts what stands in ipvsadm's order, which decides between equals. What is not known
    /// (`value` is `None`) stands last.
    pub(super) fn apply<T>(self, all: &mut [T], value: impl Fn(&T) -> Option<u64>) {
        match (self.by, self.descends()) {
            (By::Address, false) => {}
            (By::Address, true) => all.reverse(),
            (_, true) => all.sort_by_cached_key(|one| Reverse(value(one))),
            (_, false) => all.sort_by_cached_key(|one| value(one).map_or((1, 0), |v| (0, v))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Metric;

    fn sorted(by: By, reversed: bool) -> String {
        let mut all = [('1', Some(5)), ('2', Some(9)), ('3', Some(5)), ('4', None), ('5', Some(0))];
        Sort { by, reversed }.apply(&mut all, |one| one.1);
        all.iter().map(|one| one.0).collect()
    }

    #[test]
    fn numbers_descend_equals_keep_their_order_and_the_unknown_stands_last() {
        assert_eq!(sorted(By::Address, false), "12345");
        assert_eq!(sorted(By::Address, true), "54321");
        assert_eq!(sorted(By::Column(Column::Weight), false), "21354");
        assert_eq!(sorted(By::Column(Column::Weight), true), "51324");
        assert_eq!(sorted(By::Rate, false), "21354");
        // Words ascend.
        assert_eq!(sorted(By::Column(Column::Forwarding), false), "51324");
    }

    #[test]
    fn columns_are_gone_through_in_a_circle() {
        let columns = [
            Column::Forwarding,
            Column::Weight,
            Column::Rate(Metric::Cps),
            Column::Rate(Metric::InPps),
            Column::ConnectionsLine,
            Column::Share,
        ];
        let mut sort = Sort { reversed: true, ..Sort::default() };
        for by in [
            By::Column(Column::Weight),
            By::Rate,
            By::Column(Column::Share),
            By::Column(Column::Forwarding),
            By::Address,
        ] {
            sort = sort.next(&columns);
            assert_eq!(sort, Sort { by, reversed: false });
        }
        assert!(sort.is_plain());
    }

    #[test]
    fn a_second_click_turns_the_order_round() {
        let weight = By::Column(Column::Weight);
        let once = Sort::default().clicked(weight);
        assert_eq!(once, Sort { by: weight, reversed: false });
        assert_eq!(once.clicked(weight), Sort { by: weight, reversed: true });
        assert_eq!(once.clicked(By::Address), Sort::default());
        assert!(Sort::default().clicked(By::Address).reversed);
    }
}
