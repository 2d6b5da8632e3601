"""A data folder for damage: what lies where in its files, and so what a flipped octet may cost."""
import bisect
import os
import shutil
import sqlite3
import tempfile
from dataclasses import dataclass, field


@dataclass
class Cost:
    """The most that damage may make unreadable. Everything else must be served."""

    all: bool = False  # what no page can be found without: even the start may be refused
    tail: bool = False  # what came after the last checkpoint
    logins: bool = False  # what logins are held to: whom a password opens is not known, and nobody is let in by one
    accounts: set = field(default_factory=set)  # addresses
    mailboxes: set = field(default_factory=set)  # ids
    bodies: set = field(default_factory=set)  # ids
    records: set = field(default_factory=set)  # ids of bodies whose record itself was hit: gone for ever
    is_certain: bool = False  # what was hit is in use, and `store check` reads it

    def add(self, other):
        for name in ("all", "tail", "logins", "is_certain"):
            setattr(self, name, getattr(self, name) or getattr(other, name))
        for name in ("accounts", "mailboxes", "bodies", "records"):
            getattr(self, name).update(getattr(other, name))


class Places:
    """Of an unharmed folder: which rows lie on which page of the index, and which octets are which body's."""

    # Tables that are an index themselves (WITHOUT ROWID), by what.
    IN_ORDER = {"message": "mailbox, uid", "holder": "body, account", "change": "account, mod_seq"}

    def __init__(self, data):
        self.data = data
        with tempfile.TemporaryDirectory() as scratch:
            for name in ("index.db", "index.db-wal"):
                if os.path.exists(os.path.join(data, name)):
                    shutil.copy(os.path.join(data, name), scratch)
            index = os.path.join(scratch, "index.db")
            db = sqlite3.connect(index)
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            self.size = db.execute("PRAGMA page_size").fetchone()[0]
            self.addresses = dict(db.execute("SELECT id, name FROM account"))
            self.mailboxes = {(self.addresses[a], validity): id for id, a, validity in db.execute("SELECT id, account, uid_validity FROM mailbox")}
            self.owner = {id: self.addresses[a] for id, a in db.execute("SELECT id, account FROM mailbox")}
            self.records = db.execute("SELECT id, segment, position, length FROM body").fetchall()
            self.order = {table: sorted(db.execute("SELECT %s FROM %s" % (keys, table))) for table, keys in self.IN_ORDER.items()}
            self.table_of = {name: table for name, table in db.execute("SELECT name, tbl_name FROM sqlite_master")}
            self.pages = {page: (name, kind, path) for name, path, page, kind in db.execute("SELECT name, path, pageno, pagetype FROM dbstat")}
            db.close()
            with open(index, "rb") as f:
                self.octets = f.read()
        log = os.path.join(data, "index.db-wal")
        self.has_log = os.path.exists(log) and os.path.getsize(log) > 0
        self.leaf_at = {(name, path): page for page, (name, kind, path) in self.pages.items()}

    def of_index(self, offset) -> Cost:
        page = offset // self.size + 1
        if page not in self.pages:
            return Cost()  # a free page
        name, kind, path = self.pages[page]
        if kind == "internal" or name == "sqlite_schema":
            return Cost(all=True)
        if kind == "overflow":
            page = self.leaf_at[name, path.split("+")[0]]
        table = self.table_of.get(name, name)
        if name != table:  # an index, which says where rows are and holds none
            return self.everybody() if table in ("account", "change", "ledger") else Cost()
        return self.of_leaf(table, self.keys(page))

    def of_leaf(self, table, keys) -> Cost:
        keys = keys + self.neighbours(table, keys)
        first = {k[0] for k in keys if k}  # a key of text has none
        match table:
            case "meta" | "account":  # the key's proof, or all accounts: the start may be refused
                return Cost(all=True)
            case "message" | "mailbox":
                return Cost(mailboxes=first)
            case "body" | "holder":
                return Cost(bodies=first)
            case "change":
                return Cost(accounts={self.addresses[k] for k in first if k in self.addresses})
            case "ledger" | "access":  # which flags hold, or who may see what, is not known of any mailbox
                return self.everybody()
            case "pair":  # second factors and demands for other passwords are there
                return Cost(logins=True)
        return Cost()  # without these rows nobody loses a message

    def neighbours(self, table, keys):
        """The rows before and after a leaf's lie on the page above it, and the way to them may lead over the leaf."""
        order = self.order.get(table)
        if not order or not keys:
            return []
        first, last = bisect.bisect_left(order, min(keys)), bisect.bisect_right(order, max(keys))
        return order[max(0, first - 1) : first] + order[last : last + 1]

    def everybody(self) -> Cost:
        return Cost(accounts=set(self.addresses.values()))

    def of_segment(self, segment, offset) -> Cost:
        hit = {id for id, s, position, length in self.records if s == segment and position <= offset < position + length}
        return Cost(bodies=hit, records=set(hit), is_certain=bool(hit))

    def of(self, path, offset) -> Cost:
        """`path` below the data folder."""
        if path == "index.db":
            cost = self.of_index(offset)
            # A page of which the WAL has a newer one is not read.
            cost.is_certain = not self.has_log and offset // self.size + 1 in self.pages
            return cost
        if path == "index.db-wal":
            return Cost(tail=True)
        if path == "search.db":
            return Cost()
        number = int(os.path.basename(path).split(".")[0])
        if path.startswith("large"):
            return Cost(bodies={number}, records={number}, is_certain=True)
        return self.of_segment(number, offset)

    def keys(self, number):
        """The first two integers of each row on a leaf (SQLite file format §1.6): the rowid alone where there is one."""
        page = self.octets[(number - 1) * self.size : number * self.size]
        has_rowid = page[0] == 13
        found = []
        for i in range(int.from_bytes(page[3:5], "big")):
            at = int.from_bytes(page[8 + 2 * i : 10 + 2 * i], "big")
            length, at = varint(page, at)
            if has_rowid:
                found.append((varint(page, at)[0],))
                continue
            head, body = varint(page, at)
            values, kinds, body_at = [], body, at + head
            while len(values) < 2 and kinds < at + head:
                kind, kinds = varint(page, kinds)
                width = {0: 0, 1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8, 8: 0, 9: 0}.get(kind)
                if width is None:
                    break
                values.append({8: 0, 9: 1}.get(kind, int.from_bytes(page[body_at : body_at + width], "big", signed=True)))
                body_at += width
            found.append(tuple(values))
        return found


def varint(octets, at):
    """The number, and where what follows it begins."""
    number = 0
    for i in range(8):
        number = number << 7 | octets[at + i] & 0x7F
        if not octets[at + i] & 0x80:
            return number, at + i + 1
    return number << 8 | octets[at + 8], at + 9
