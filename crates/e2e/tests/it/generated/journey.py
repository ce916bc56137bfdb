"""Adds an item, lists, changes and deletes it, by what openapi-python-client made of the API's document."""

import sys

from todo_on_events_client import Client
from todo_on_events_client.api.items import (
    add_item,
    change_item,
    delete_item,
    list_items,
    show_item,
)
from todo_on_events_client.api.todos import add_todo_of_list
from todo_on_events_client.models import (
    AcceptedItem,
    Change,
    Item,
    NewItem,
    NewTodo,
    Page,
    Problem,
    Todo,
)

WAIT = "wait=20"

with Client(base_url=sys.argv[1]) as client:
    accepted = add_item.sync(client=client, body=NewItem(item="write"), list_="work")
    assert isinstance(accepted, AcceptedItem), accepted
    assert accepted.list_ == "work"

    item = add_item.sync(client=client, body=NewItem(item="buy milk"), prefer=WAIT)
    assert isinstance(item, Item), item
    assert (item.item, item.list_, item.completed) == ("buy milk", "default", False)

    page = list_items.sync(client=client)
    assert isinstance(page, Page), page
    assert [listed.id for listed in page.items] == [item.id]

    done = change_item.sync(
        item.id,
        client=client,
        body=Change(completed=True, order=1),
        if_match=f'"{item.version}"',
        prefer=WAIT,
    )
    assert isinstance(done, Item), done
    assert (done.completed, done.order) == (True, 1)

    late = change_item.sync(
        item.id, client=client, body=Change(completed=False), if_match=f'"{item.version}"'
    )
    assert isinstance(late, Problem), late
    assert late.type_ == "/problems/precondition-failed"

    gone = delete_item.sync_detailed(item.id, client=client, prefer=WAIT)
    assert gone.status_code == 204, gone
    missing = show_item.sync(item.id, client=client)
    assert isinstance(missing, Problem) and missing.status == 404, missing

    todo = add_todo_of_list.sync("home", client=client, body=NewTodo(title="sweep"))
    assert isinstance(todo, Todo), todo
    assert todo.title == "sweep"
