"""Plays scenarios of the vectors with python3-socketio, which knows nothing of Portcullis.

Reads a JSON array of {"url", "namespace", "scenario"} from standard input, and writes one line of JSON for each:
{"name", "difference"}, where the difference is null when the scenario went as expected.
"""

import asyncio
import json
import sys

import socketio

TIMEOUT_SECONDS = 5
TYPES = {"string": str, "number": (int, float)}


class Conversation:
    """One connection of a scenario. What was received and not yet asked for is kept, the disconnection too."""

    def __init__(self, namespace):
        self.namespace = namespace
        self.received = []
        self.arrived = asyncio.Event()
        self.client = socketio.AsyncClient(reconnection=False)
        on = self.client.on
        on("connect", lambda: self.put("outcome", "admitted"), namespace=namespace)
        # A refused namespace: the packet of the server is {"message", "data"}, and the refusal is its data.
        on("connect_error", lambda error: self.put("outcome", error.get("data")), namespace=namespace)
        # A refused handshake: the body of the HTTP answer, told to the handlers of the main namespace.
        on("connect_error", lambda body: self.put("outcome", body), namespace="/")
        on("disconnect", lambda: self.put("disconnect", True), namespace=namespace)
        on("*", lambda event, body=None: self.put(event, body), namespace=namespace)

    def put(self, event, body):
        self.received.append((event, body))
        self.arrived.set()

    async def take(self, event):
        """The next of that name."""
        try:
            return await asyncio.wait_for(self._take(event), TIMEOUT_SECONDS)
        except asyncio.TimeoutError:
            raise TimeoutError(f"no {event} within {TIMEOUT_SECONDS} s") from None

    async def _take(self, event):
        while True:
            for i, (name, body) in enumerate(self.received):
                if name == event:
                    del self.received[i]
                    return body
            self.arrived.clear()
            await self.arrived.wait()

    async def connect(self, url, options):
        try:
            await self.client.connect(
                url,
                headers=options.get("headers", {}),
                auth=options.get("auth"),
                namespaces=[self.namespace],
                wait=False,
            )
        except socketio.exceptions.ConnectionError:
            pass
        return await self.take("outcome")

    async def perform(self, step):
        """What differs from the step, or None."""
        if "emit" in step:
            event, *args = step["emit"]
            reply = await self.client.call(event, tuple(args), namespace=self.namespace, timeout=TIMEOUT_SECONDS)
            return difference_of(step["answer"], reply)
        if "receive" in step:
            return difference_of(step["body"], await self.take(step["receive"]))
        if "disconnected" in step:
            return difference_of(True, await self.take("disconnect"))
        if "absent" in step:
            return difference_of([], [body for name, body in self.received if name == step["absent"]])
        event, *args = step["send"]
        await self.client.emit(event, tuple(args), namespace=self.namespace)
        return None


def difference_of(expected, value, path="it"):
    """None when the value is as expected. Keys that are not expected may be there."""
    if isinstance(expected, list):
        if not isinstance(value, list) or len(value) != len(expected):
            return differs(path, expected, value)
        return first(difference_of(item, value[i], f"{path}[{i}]") for i, item in enumerate(expected))
    if not isinstance(expected, dict):
        same = type(expected) is type(value) and expected == value
        return None if same else differs(path, expected, value)
    if "$any" in expected:
        return None if isinstance(value, TYPES[expected["$any"]]) else differs(path, expected, value)
    if "$unordered" in expected:
        return difference_of(sorted(expected["$unordered"]), sorted(value) if isinstance(value, list) else value, path)
    if not isinstance(value, dict):
        return differs(path, expected, value)
    return first(difference_of(item, value.get(key), f"{path}.{key}") for key, item in expected.items())


def first(differences):
    return next((difference for difference in differences if difference is not None), None)


def differs(path, expected, value):
    return f"{path} is {json.dumps(value)}, not {json.dumps(expected)}"


async def play(url, namespace, scenario):
    """The first step that differs and how, or None."""
    conversation = None
    try:
        for number, step in enumerate(scenario["steps"], 1):
            try:
                if "connect" in step:
                    if conversation is not None:
                        await conversation.client.disconnect()
                    conversation = Conversation(namespace)
                    outcome = await conversation.connect(url, step["connect"])
                    difference = difference_of(step.get("refused", "admitted"), outcome)
                else:
                    difference = await conversation.perform(step)
            except Exception as error:
                difference = f"{type(error).__name__}: {error}"
            if difference is not None:
                return f"step {number}, {json.dumps(step)}: {difference}"
        return None
    finally:
        if conversation is not None:
            await conversation.client.disconnect()


async def main():
    for task in json.load(sys.stdin):
        scenario = task["scenario"]
        difference = await play(task["url"], task["namespace"], scenario)
        print(json.dumps({"name": scenario["name"], "difference": difference}), flush=True)


asyncio.run(main())
