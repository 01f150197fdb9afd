"""The outbox: deliveries from being queued to being forgotten, a file for each thing that is done to them."""

from sqlalchemy import ColumnElement, literal_column

from storage.models import Delivery, DeliveryState

DELIVERIES = Delivery.__table__
QUEUED = (DeliveryState.READY, DeliveryState.WAITING, DeliveryState.HELD)


def is_one_of(*states: DeliveryState) -> ColumnElement[bool]:
    """Condition, written out: neither engine sees at once that a parameter fits an index of some states only."""
    if len(states) == 1:
        return DELIVERIES.c.state == literal_column(f"'{states[0]}'")
    return DELIVERIES.c.state.in_([literal_column(f"'{state}'") for state in states])
