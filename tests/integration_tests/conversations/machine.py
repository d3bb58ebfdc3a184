"""The state machine: what persons, the model, processes and operators do, in any order.

After each step every place is searched for every value, and what persons and local tools read is
compared with what was said.
"""

import asyncio
import hashlib
import threading
from collections import Counter
from collections.abc import Coroutine, Sequence
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)
from langgraph.types import Command

from langchain_privacy.testing.texts import texts
from langchain_privacy.vault import VaultKey
from tests.integration_tests.conversations.drawn import (
    Way,
    again,
    decisions,
    kinds,
    plans,
    shapes,
    some_kinds,
    streams,
    ways,
    whole_ways,
)
from tests.integration_tests.conversations.house import House
from tests.integration_tests.conversations.model import Answer, Call, Quote, Turn
from tests.integration_tests.conversations.process import Process, Shape
from tests.integration_tests.conversations.reading import Conversation, Reader
from tests.integration_tests.conversations.speech import (
    marked,
    of_turn,
    placeholders,
    slot_name,
    slots_in,
)
from tests.integration_tests.conversations.tools import Stopped
from tests.integration_tests.conversations.values import KINDS, KOREAN_NAMES, Value

ENDS = (Stopped, asyncio.CancelledError)
"""What ends a run and is no `Exception`."""

THOROUGH = 25
"""Of how many examples one is searched by every spelling and disguise."""


class Conversations(RuleBasedStateMachine):
    """Persons who talk with one app."""

    house: ClassVar[House]
    runner: ClassVar[asyncio.Runner]
    happened: ClassVar[Counter[str]]

    talks = Bundle("talks")

    def __init__(self) -> None:
        super().__init__()
        self.folder = self.house.begin()
        self.happened["examples"] += 1
        self.example = self.happened["examples"]
        self.keys: list[VaultKey] = []
        self.process: Process | None = None
        self.people: list[Conversation] = []
        self.known: dict[int, list[Value]] = {}
        self.problems: list[str] = []
        self.talked = self.operated = False
        # counted and not drawn: Hypothesis likes the ends of a range, and this costs most of all
        self._thorough = self.example % THOROUGH == 0
        self._spoke: set[int] = set()
        self._numbers = 0
        self._count = 0

    # ---- what happens

    @initialize(
        target=talks,
        shape=shapes,
        first=st.integers(0, KOREAN_NAMES - 1),
        people=st.lists(st.booleans(), min_size=2, max_size=3),
    )
    def open(self, shape: Shape, first: int, people: Sequence[bool]) -> Any:
        self.shape, self._first = shape, first
        self.keys.append(self._key())
        self._start()
        return multiple(*(self._meet(tenant="", named=named) for named in people))

    def _start(self) -> None:
        if self.process is not None:
            self.process.end()
        self.process = Process(
            self.shape, self.house.model, self.house.tools, self.folder, self.keys
        )
        self.house.node_caches.append(self.process.cache)

    @precondition(lambda self: self.talked)
    @rule(target=talks, tenant=st.sampled_from(["", "north"]), named=st.booleans())
    def meet(self, tenant: str, named: bool) -> Conversation:
        """Another person comes; the name of the thread may be private itself."""
        return self._meet(tenant=tenant, named=named)

    def _meet(self, *, tenant: str, named: bool) -> Conversation:
        number = len(self.people)
        thread = f"thread {self.example}.{number}"
        if named:
            value = self._value("e-mail", number)
            thread = value.text
        settings = {"thread_id": thread} | ({"tenant": tenant} if tenant else {})
        mine = Conversation(number, {"configurable": settings})
        self.people.append(mine)
        self.known[number] = []
        self.talked = False
        return mine

    @rule(mine=talks, new=some_kinds, old=again, records=kinds, plan=plans, way=whole_ways)
    def ask(
        self, mine: Conversation, new: Any, old: Any, records: Any, plan: Any, way: Way
    ) -> None:
        """A person says something, and waits for the whole answer."""
        self._say(mine, new, old, records, plan, way)

    @rule(mine=talks, new=some_kinds, old=again, records=kinds, plan=plans, way=streams)
    def ask_and_watch(
        self, mine: Conversation, new: Any, old: Any, records: Any, plan: Any, way: Way
    ) -> None:
        """A person says something, watches the answer come and perhaps goes away."""
        self._say(mine, new, old, records, plan, way)

    @rule(mine=talks, old=again, plan=plans, way=ways)
    def go_on(self, mine: Conversation, old: Any, plan: Any, way: Way) -> None:
        """A person says more of what is known already, in another spelling."""
        self._say(mine, [], old, [], plan, way)

    def _say(
        self,
        mine: Conversation,
        new: Sequence[str],
        old: Sequence[tuple[int, int]],
        records: Sequence[str],
        plan: Sequence[Answer],
        way: Way,
    ) -> None:
        self._fill(mine, records)
        asked = self._asked(mine, new, old, plan)
        self._run(mine, {"messages": [("user", asked)]}, way)

    @rule(mine=talks, new=some_kinds, chosen=decisions, way=ways, first=ways)
    def ask_for_approval(
        self, mine: Conversation, new: Any, chosen: Any, way: Way, first: Way
    ) -> None:
        """The app stops for the person, who decides."""
        stops = (Call("ask", (Quote(0),)), Call("mail", (Quote(1),)), Call("mail", (Quote(2),)))
        self._say(mine, new, [], [], (Answer(("Well,",), stops), Answer((Quote(3),))), first)
        self._decide(mine, chosen, new, way)

    @rule(pick=st.integers(0, 20), chosen=decisions, new=kinds, way=ways)
    def decide(self, pick: int, chosen: Any, new: Any, way: Way) -> None:
        """A person answers late what the app has stopped for."""
        waiting = [mine for mine in self.people if mine.waiting]
        if waiting:
            self._decide(waiting[pick % len(waiting)], chosen, new, way)

    def _decide(
        self, mine: Conversation, chosen: Sequence[str], new: Sequence[str], way: Way
    ) -> None:
        if not mine.waiting:
            return
        self.happened["decisions"] += 1
        asked = [value.get("action_requests", ()) for value in mine.waiting.values()]
        used = {chosen[at % len(chosen)] for each in asked for at in range(len(each))}
        answered = not all(asked) or used != {"approve"}
        said = self._said(mine, new if answered else [], [])  # who only approves says nothing
        resume = {
            name: {"decisions": _decided(requests, chosen, said)} if requests else said
            for name, requests in zip(mine.waiting, asked, strict=True)
        }
        self._run(mine, Command(resume=resume), way)

    @precondition(lambda self: len(self.people) > 1)
    @rule(
        one=talks,
        other=talks,
        new=st.tuples(kinds, kinds),
        planned=st.tuples(plans, plans),
        way=st.tuples(ways, ways),
    )
    def both(
        self, one: Conversation, other: Conversation, new: Any, planned: Any, way: Any
    ) -> None:
        """Two persons talk at the same time."""
        if one is other:
            return
        self.happened["at the same time"] += 1
        inputs = [
            {"messages": [("user", self._asked(mine, new[at], [], planned[at]))]}
            for at, mine in enumerate((one, other))
        ]
        runs = list(zip((one, other), inputs, way, strict=True))
        if any(each.on_loop for each in way):

            async def at_once() -> None:
                await asyncio.gather(*(self._run_on_loop(*each) for each in runs))

            self._on_loop(at_once())
            return
        threads = [threading.Thread(target=self._run, args=each) for each in runs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    @precondition(lambda self: self.talked and not self.operated)
    @rule(what=st.sampled_from(["restart", "rotate", "forget"]), pick=st.integers(0, 20))
    def operate(self, what: str, pick: int) -> None:
        """The process ends and begins again, the vault gets another key, a session is erased."""
        assert self.process is not None
        self.operated = True
        self.happened[what] += 1
        if what == "forget":
            self._forget(self.people[pick % len(self.people)])
            return
        if what == "rotate":
            self.keys.insert(0, self._key())
            self._start()
            self.process.vault.rotate()
            del self.keys[1:]
        self._start()

    def _forget(self, mine: Conversation) -> None:
        """Erase a session: its values cannot be had back, also not in what is left of it."""
        assert self.process is not None
        settings = mine.config["configurable"]
        mine.allowed |= self.house.model.seen.get(mine.number, set())
        stored = self.process.agent.get_state(mine.config).values
        mine.allowed |= {found for _, text in texts(stored) for found in placeholders(text)}
        self._read_given()  # a tool in a thread of a run that was cancelled may only now have begun
        self.process.vault.forget(mine.thread, tenant=settings.get("tenant", ""))
        # a record that no tool has read never was in the session: who reads it now reads it anew
        unread = self.house.tools.records.get(mine.thread, ())
        mine.gone |= set(mine.slots) - {slot.name for text in unread for slot in slots_in(text)}
        mine.right.clear()
        self.known[mine.number] = []
        # where checkpoints are sealed with the session, what it asked is gone as well
        left = {each.id for each in self.process.agent.get_state(mine.config).interrupts}
        mine.waiting = {name: asked for name, asked in mine.waiting.items() if name in left}

    @rule(mine=talks)
    def look_back(self, mine: Conversation) -> None:
        """A person reads the conversation again, and somebody else its state as it is stored."""
        assert self.process is not None
        agent = self.process.agent
        reader = Reader(mine, self.house.needles)
        reader.read(agent.get_state(mine.config, restore=True).values, "state")
        for snapshot in agent.get_state_history(mine.config, restore=True):
            reader.read(snapshot.values, "history")
        self._note(reader)
        self.house.errors += texts(agent.get_state(mine.config).values, "stored state")

    @rule(mine=talks, new=kinds)
    def correct(self, mine: Conversation, new: list[str]) -> None:
        """Somebody writes into the state."""
        assert self.process is not None
        said = self._said(mine, new, [])
        self.process.agent.update_state(
            mine.config, {"messages": [("user", said)]}, as_node="model"
        )

    @rule(one=talks, other=talks, new=kinds, plan=plans)
    def ask_the_chain(
        self, one: Conversation, other: Conversation, new: list[str], plan: Sequence[Answer]
    ) -> None:
        """A chain is asked for two persons in one batch."""
        assert self.process is not None
        people = [one] if one is other else [one, other]
        plan = tuple(Answer(each.pieces) for each in plan)
        asked = [{"asked": self._asked(mine, new, [], plan)} for mine in people]
        configs: list[Any] = [mine.config for mine in people]
        found = self.process.chain.batch(asked, configs)
        for mine, answer in zip(people, found, strict=True):
            self._spoken(mine)
            reader = Reader(mine, self.house.needles)
            reader.read(answer, "answer of the chain")
            self._note(reader)

    @rule(one=talks, other=talks, new=kinds, private=st.booleans())
    def ask_the_cached(
        self, one: Conversation, other: Conversation, new: list[str], private: bool
    ) -> None:
        """Two persons ask a graph with a node cache, perhaps the same."""
        assert self.process is not None
        same = self._turn(one, ())
        for mine in (one, other):
            asked = self._asked(mine, new, [], ()) if private else of_turn(same)
            found = self.process.cached.invoke({"messages": [("user", asked)]}, mine.config)
            self._spoken(mine)
            reader = Reader(mine, self.house.needles)
            reader.read(found, "answer of the cached")
            self._note(reader)

    # ---- what is said

    def _key(self) -> VaultKey:
        self._numbers += 1
        return VaultKey(hashlib.sha256(str(self._first + self._numbers).encode()).digest())

    def _value(self, kind: str, owner: int) -> Value:
        self._numbers += 1
        value = KINDS[kind](self._first + self._numbers)
        self.house.keep_private(value, owner)
        return value

    def _slot(self, mine: Conversation, text: str) -> str:
        self._count += 1
        name = slot_name(self._count)
        mine.slots[name] = text
        return marked(name, text)

    def _said(self, mine: Conversation, new: Sequence[str], old: Sequence[tuple[int, int]]) -> str:
        lines = []
        known = self.known[mine.number]
        for pick, spelling in old:
            if known:
                value = known[pick % len(known)]
                spellings = [*value.spellings, value.text]
                lines.append(self._slot(mine, spellings[spelling % len(spellings)]))
        for kind in new:
            value = self._value(kind, mine.number)
            known.append(value)
            lines += [value.said, self._slot(mine, value.text)]
        return "\n".join(lines) or "Please go on."

    def _asked(
        self,
        mine: Conversation,
        new: Sequence[str],
        old: Sequence[tuple[int, int]],
        plan: Sequence[Answer],
    ) -> str:
        said = self._said(mine, new, old)
        return f"{of_turn(self._turn(mine, plan, said))}\n{said}"

    def _turn(self, mine: Conversation, plan: Sequence[Answer], said: str = "") -> str:
        self._count += 1
        name = f"t{slot_name(self._count)}"
        slots = {slot.name for slot in slots_in(said)}
        self.house.model.turns[name] = Turn(mine.number, plan, mine.allowed, slots)
        return name

    def _fill(self, mine: Conversation, records: Sequence[str]) -> None:
        """Put records into the app's database."""
        kept = self.house.tools.records.setdefault(mine.thread, [])
        for kind in records:
            value = self._value(kind, mine.number)
            kept.append(f"{value.said}\n{self._slot(mine, value.text)}")

    # ---- running

    def _run(self, mine: Conversation, x: Any, way: Way) -> None:
        assert self.process is not None
        if way.on_loop:
            self._on_loop(self._run_on_loop(mine, x, way))
            return
        reader = Reader(mine, self.house.needles)
        try:
            _call(self.process, x, mine.config, way, reader)
        except (Exception, *ENDS) as error:
            self._failed(mine, error)
        self._look_at(mine, reader)

    def _on_loop(self, running: Coroutine[Any, Any, None]) -> None:
        async def until_all_ended() -> None:
            await running
            left = asyncio.all_tasks() - {asyncio.current_task()}
            for task in left:  # of tools beside one that failed
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)

        self.runner.run(until_all_ended())

    async def _run_on_loop(self, mine: Conversation, x: Any, way: Way) -> None:
        assert self.process is not None
        reader = Reader(mine, self.house.needles)
        task = asyncio.create_task(_acall(self.process, x, mine.config, way, reader))
        self.house.tools.leave[mine.thread] = task.cancel
        try:
            await task
        except (Exception, *ENDS) as error:
            self._failed(mine, error)
        await asyncio.to_thread(self._look_at, mine, reader)

    def _look_at(self, mine: Conversation, reader: Reader) -> None:
        """Read what a run has left."""
        assert self.process is not None
        self._spoken(mine)
        snapshot = self.process.agent.get_state(mine.config, restore=True)
        mine.waiting = {each.id: each.value for each in snapshot.interrupts}
        reader.end()
        reader.read(dict(mine.waiting), "question")
        reader.read(snapshot.values, "state")
        self._note(reader)

    def _spoken(self, mine: Conversation) -> None:
        self.talked, self.operated = True, False
        self.happened["turns"] += 1
        self.happened["conversations"] += mine.number not in self._spoke
        self._spoke.add(mine.number)

    def _failed(self, mine: Conversation, error: BaseException) -> None:
        """Keep an error to be searched; it is wrong where no plan makes one."""
        self.happened["ends" if isinstance(error, ENDS) else "errors"] += 1
        self.house.errors += texts(error, "error")
        planned = isinstance(error, ENDS) or mine.thread in self.house.tools.raised
        self.house.tools.raised.discard(mine.thread)
        if not planned and not any(word in str(error) for word in ("Overloaded", "Lost in")):
            self.problems.append(f"unexpected {type(error).__name__}: {error}")

    def _note(self, reader: Reader) -> None:
        self.problems += reader.wrong
        self.happened["copies read"] += reader.slots

    def _read_given(self) -> None:
        """Read what local tools were given."""
        tools = self.house.tools
        self.happened["local calls"] += len(tools.local)
        for thread, tool, text in list(tools.local):
            mine = next((each for each in self.people if each.thread == thread), None)
            if mine is None:  # a thread of an example before, which nobody waited for
                continue
            reader = Reader(mine, self.house.needles)
            reader.read(text, f"tool {tool}")
            self._note(reader)
        tools.local.clear()

    # ---- what must be

    @invariant()
    def nothing_is_wrong(self) -> None:
        self.happened["steps"] += 1
        self._read_given()
        for name, turn in self.house.model.turns.items():
            if turn.attempts and not turn.slots <= turn.arrived:
                self.problems.append(f"the model did not see all of turn {name}")
        self._nothing_of(self.problems, self.house.leaks())

    def teardown(self) -> None:
        """Search what is left."""
        self.happened["remote calls"] += len(self.house.tools.remote)
        if self.process is not None:
            self.process.end()
        found = self.house.remains(thorough=self._thorough)
        self.happened.update(self.house.searched)
        self.house.end()
        self._nothing_of([], found)

    def _nothing_of(self, problems: Sequence[str], leaks: Sequence[str]) -> None:
        """Fail if something was found, and count of which kind it is."""
        for fault in problems:
            shown, mixed = " shows " in fault, " of [" in fault or " of somebody else" in fault
            kind = "placeholders shown" if shown else "mix-ups" if mixed else "other faults"
            self.happened[kind] += 1
        self.happened["real values found"] += len(leaks)
        assert not [*problems, *leaks], "\n".join([*problems, *leaks])


def _decided(requests: Sequence[Any], decisions: Sequence[str], said: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for at, request in enumerate(requests):
        chosen = decisions[at % len(decisions)]
        if chosen == "edit":
            edited = {"name": request["name"], "args": {**request["args"], "text": said}}
            found.append({"type": "edit", "edited_action": edited})
        elif chosen in {"reject", "respond"}:
            found.append({"type": chosen, "message": said})
        else:
            found.append({"type": "approve"})
    return found


# ---- calling


def _call(process: Process, x: Any, config: Any, way: Way, reader: Reader) -> None:
    """Call the app as it is said, and read what comes."""
    if way.by == "stream":
        parts = process.agent.stream(x, config, stream_mode=list(way.modes), version=way.version)
        for number, part in enumerate(parts, 1):
            reader.part(part)
            if number == way.stop:
                parts.close()
    else:
        app = process.once_more if way.by == "retry" else process.agent
        reader.read(app.invoke(x, config), "answer")


async def _acall(process: Process, x: Any, config: Any, way: Way, reader: Reader) -> None:
    """The same on an event loop, where the person's task is cancelled."""
    agent = process.agent
    if way.by == "events":
        parts = agent.astream_events(x, config, version="v2")
    elif way.by == "stream":
        parts = agent.astream(x, config, stream_mode=list(way.modes), version=way.version)
    else:
        app = process.once_more if way.by == "retry" else agent
        reader.read(await app.ainvoke(x, config), "answer")
        return
    number = 0
    async for part in parts:
        number += 1
        reader.part(part)
        if number == way.stop:
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
