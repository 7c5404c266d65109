"""*Lanes*: neighbouring pixels as one value in the CPU kernels, for what the compiler does not make vector code of by itself.

Numba leaves vectors to LLVM's loops, which give up where the place in an array is computed, or one array might lie in another. Here
they are a type: *floats* (float32), *wholes* (int32) and *masks* (bool), :data:`COUNT` of each, made by :func:`load`, joined by
``+ - * / < <= > >= == != & | ~`` and the functions below (a scalar stands for equal lanes), put back by :func:`store`. LLVM makes of
them what the processor has. Every operation rounds as its scalar does, and nothing is fused: a result does not depend on the count.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from llvmlite.binding import get_host_cpu_features
from numba import config, types
from numba.core import cgutils
from numba.core.imputils import lower_builtin, lower_cast
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, models, register_model

__all__ = [
    "COUNT",
    "ceil",
    "choose",
    "first_of",
    "floats",
    "floor",
    "in_set",
    "larger",
    "load",
    "numbers",
    "one_of",
    "set_of",
    "size",
    "smaller",
    "store",
    "stream",
    "wholes",
]

COUNT = 16 if "+avx512vl" in (config.CPU_FEATURES or get_host_cpu_features().flatten()) else 8
"""Pixels in one value: as many as a register has room for, or two of ARM's. A name of this processor is part of what Numba keeps
compiled kernels under."""


class Lanes(types.Type):  # type: ignore[misc]
    """The type of so many elements of one kind."""

    def __init__(self, name: str) -> None:
        super().__init__(name=f"{COUNT} {name}")


FLOATS, WHOLES, MASK = Lanes("floats"), Lanes("wholes"), Lanes("flags")
_BIT, _INT, _LONG, _FLOAT = ir.IntType(1), ir.IntType(32), ir.IntType(64), ir.FloatType()
_VECTORS = {FLOATS: ir.VectorType(_FLOAT, COUNT), WHOLES: ir.VectorType(_INT, COUNT), MASK: ir.VectorType(_BIT, COUNT)}
_COMPARISONS: dict[Callable[..., Any], str] = {
    operator.lt: "<",
    operator.le: "<=",
    operator.gt: ">",
    operator.ge: ">=",
    operator.eq: "==",
    operator.ne: "!=",
}


@register_model(Lanes)
class _Model(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, kind: Lanes) -> None:
        super().__init__(manager, kind, _VECTORS[kind])


def _equal(builder: Any, value: Any) -> Any:
    """The scalar in all lanes."""
    undefined = ir.Constant(ir.VectorType(value.type, COUNT), ir.Undefined)
    first = builder.insert_element(undefined, value, _INT(0))
    return builder.shuffle_vector(first, undefined, ir.Constant(_VECTORS[WHOLES], [0] * COUNT))


@lower_cast(types.Float, FLOATS)  # type: ignore[untyped-decorator]
@lower_cast(types.Integer, WHOLES)  # type: ignore[untyped-decorator]
def _from_scalar(context: Any, builder: Any, kind: Any, to: Any, value: Any) -> Any:
    return _equal(builder, context.cast(builder, value, kind, types.float32 if to == FLOATS else types.int32))


def _common(args: tuple[Any, ...]) -> Any:
    """The kind that lanes and scalars are worked on as; None where they do not fit."""
    kind = next((a for a in args if isinstance(a, Lanes)), None)
    scalar = types.Float if kind == FLOATS else types.Integer if kind == WHOLES else Lanes
    return kind if all(a == kind or isinstance(a, scalar) for a in args) else None


def _operator(what: Callable[..., Any], results: dict[Lanes, Lanes], emit: Callable[[Any, Any, Any], Any]) -> None:
    """Teaches Numba the operator ``what`` for two operands of a kind; ``emit(builder, kind, operands)``."""

    class _Rule(AbstractTemplate):  # type: ignore[misc]
        def generic(self, args: tuple[Any, ...], _keywords: Any) -> Any:
            kind = _common(args)
            return signature(results[kind], *[kind] * len(args)) if kind in results else None

    infer_global(what)(_Rule)
    for kind in results:
        for count in (1, 2):
            lower_builtin(what, *[kind] * count)(lambda _context, builder, sig, args: emit(builder, sig.args[0], args))


def _compare(builder: Any, kind: Lanes, args: Any, sign: str) -> Any:
    if kind == WHOLES:
        return builder.icmp_signed(sign, *args)
    return (builder.fcmp_unordered if sign == "!=" else builder.fcmp_ordered)(sign, *args)


def _instruction(name: str) -> Callable[[Any, Any, Any], Any]:
    return lambda builder, _kind, args: getattr(builder, name)(*args)


def _comparison(sign: str) -> Callable[[Any, Any, Any], Any]:
    return lambda builder, kind, args: _compare(builder, kind, args, sign)


_ARITHMETIC: dict[Callable[..., Any], str] = {operator.add: "add", operator.sub: "sub", operator.mul: "mul"}
_LOGIC: dict[Callable[..., Any], str] = {operator.and_: "and_", operator.or_: "or_", operator.invert: "not_"}
for _what, _name in _ARITHMETIC.items():
    _operator(_what, {FLOATS: FLOATS}, _instruction("f" + _name))
    _operator(_what, {WHOLES: WHOLES}, _instruction(_name))
_operator(operator.truediv, {FLOATS: FLOATS}, _instruction("fdiv"))
for _what, _name in _LOGIC.items():
    _operator(_what, {MASK: MASK}, _instruction(_name))
for _what, _sign in _COMPARISONS.items():
    _operator(_what, {FLOATS: MASK, WHOLES: MASK}, _comparison(_sign))


def _rounded(name: str) -> Any:
    def emit(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
        kind = _VECTORS[FLOATS]
        function = ir.FunctionType(kind, [kind])
        return builder.call(cgutils.get_or_insert_function(builder.module, function, f"llvm.{name}.v{COUNT}f32"), args)

    return emit


@intrinsic
def floor(_typing, x):  # type: ignore[no-untyped-def]
    """The next whole number down, as floats."""
    return FLOATS(FLOATS), _rounded("floor")


@intrinsic
def ceil(_typing, x):  # type: ignore[no-untyped-def]
    """The next whole number up, as floats."""
    return FLOATS(FLOATS), _rounded("ceil")


@intrinsic
def size(_typing, x):  # type: ignore[no-untyped-def]
    """Without the sign."""
    return FLOATS(FLOATS), _rounded("fabs")


def _picked(sign: str) -> Any:
    def emit(_context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.select(_compare(builder, sig.args[0], args, sign), *args)

    return emit


@intrinsic
def larger(_typing, x, y):  # type: ignore[no-untyped-def]
    """The larger of each two; ``y`` where ``x`` is no number."""
    kind = _common((x, y))
    return kind(kind, kind), _picked(">")


@intrinsic
def smaller(_typing, x, y):  # type: ignore[no-untyped-def]
    """The smaller of each two; ``y`` where ``x`` is no number."""
    kind = _common((x, y))
    return kind(kind, kind), _picked("<")


@intrinsic
def choose(_typing, mask, x, y):  # type: ignore[no-untyped-def]
    """``x`` where the mask is set, else ``y``, one of which is lanes."""
    kind = _common((x, y))
    return kind(MASK, kind, kind), lambda _context, builder, _sig, args: builder.select(*args)


@intrinsic
def numbers(_typing):  # type: ignore[no-untyped-def]
    """0, 1, .. COUNT - 1."""
    return WHOLES(), lambda *_: ir.Constant(_VECTORS[WHOLES], list(range(COUNT)))


@intrinsic
def floats(_typing, x):  # type: ignore[no-untyped-def]
    """Wholes as floats."""
    return FLOATS(WHOLES), lambda _context, builder, _sig, args: builder.sitofp(args[0], _VECTORS[FLOATS])


@intrinsic
def wholes(_typing, x):  # type: ignore[no-untyped-def]
    """Floats, which must be within the bounds of int32, cut off towards 0; 1 and 0 for a mask."""

    def emit(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
        return (builder.zext if x == MASK else builder.fptosi)(args[0], _VECTORS[WHOLES])

    return WHOLES(x), emit


@intrinsic
def set_of(_typing, mask):  # type: ignore[no-untyped-def]
    """A mask as the bits of a number, the first lane the lowest."""

    def emit(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
        return builder.zext(builder.bitcast(args[0], ir.IntType(COUNT)), _LONG)

    return types.uint64(MASK), emit


@intrinsic
def in_set(_typing, bits):  # type: ignore[no-untyped-def]
    """A number's bits as a mask: what :func:`set_of` was made of."""

    def emit(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
        return builder.bitcast(builder.trunc(args[0], ir.IntType(COUNT)), _VECTORS[MASK])

    return MASK(types.uint64), emit


@intrinsic
def first_of(_typing, bits):  # type: ignore[no-untyped-def]
    """The place of the lowest bit of a number that is not 0."""

    def emit(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
        function = ir.FunctionType(_LONG, [_LONG, _BIT])
        count = cgutils.get_or_insert_function(builder.module, function, "llvm.cttz.i64")
        return builder.call(count, [args[0], _BIT(1)])

    return types.uint64(types.uint64), emit


@intrinsic
def one_of(_typing, x, place):  # type: ignore[no-untyped-def]
    """The whole number in one lane."""
    return types.int32(WHOLES, types.uint64), lambda _context, builder, _sig, args: builder.extract_element(*args)


def _pointer(context: Any, builder: Any, sig: Any, args: Any, element: Any) -> Any:
    """To the elements of a row from a place in it on."""
    row = context.make_array(sig.args[0])(context, builder, args[0])
    return builder.bitcast(builder.gep(row.data, [args[1]]), ir.VectorType(element, COUNT).as_pointer())


def _is_row(array: Any) -> bool:
    return isinstance(array, types.Array) and array.ndim == 1 and array.layout == "C"


@intrinsic
def load(_typing, row, place):  # type: ignore[no-untyped-def]
    """``row[place : place + COUNT]`` of a contiguous row: floats of float32, wholes of int32, uint16 or uint8."""
    kinds = {types.float32: FLOATS, types.int32: WHOLES, types.uint16: WHOLES, types.uint8: WHOLES}
    kind = kinds.get(row.dtype) if _is_row(row) else None
    if kind is None:
        return None

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        element = context.get_data_type(row.dtype)
        value = builder.load(_pointer(context, builder, sig, args, element), align=1)
        return value if value.type == _VECTORS[kind] else builder.zext(value, _VECTORS[kind])

    return kind(row, types.uintp), emit


def _as_elements(context: Any, builder: Any, sig: Any, value: Any) -> Any:
    """Lanes as elements of the row of ``sig``."""
    element = context.get_data_type(sig.args[0].dtype)
    if isinstance(element, ir.IntType):
        value = builder.fptosi(value, _VECTORS[WHOLES]) if sig.args[2] == FLOATS else value
        value = builder.trunc(value, ir.VectorType(element, COUNT)) if element.width < _INT.width else value
    return value


def _stored(row: Any, value: Any) -> Any:
    """The signature of what puts lanes or a float into a row; None where they do not fit."""
    kind = value if isinstance(value, Lanes) else FLOATS
    fits = _is_row(row) and _common((kind, value)) in (FLOATS, WHOLES)
    return types.void(row, types.uintp, kind) if fits else None


@intrinsic
def store(_typing, row, place, value):  # type: ignore[no-untyped-def]
    """``row[place : place + COUNT] = value``, which may be one float; the row is contiguous. Floats become whole numbers by cutting
    them off; they must be within bounds."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        elements = _as_elements(context, builder, sig, args[2])
        builder.store(elements, _pointer(context, builder, sig, args, elements.type.element), align=1)
        return context.get_dummy_value()

    return _stored(row, value), emit


@intrinsic
def stream(_typing, row, place, value):  # type: ignore[no-untyped-def]
    """:func:`store` of what is not read again soon: where the lanes are a whole part of a cache line, it goes by the caches."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        elements = _as_elements(context, builder, sig, args[2])
        pointer = _pointer(context, builder, sig, args, elements.type.element)
        length = context.get_abi_sizeof(elements.type)
        place = builder.and_(builder.ptrtoint(pointer, _LONG), _LONG(length - 1))
        with builder.if_else(builder.icmp_unsigned("==", place, _LONG(0))) as (aligned, not_aligned):
            with aligned:
                past = builder.store(elements, pointer, align=length)
                past.set_metadata("nontemporal", builder.module.add_metadata([_INT(1)]))
            with not_aligned:
                builder.store(elements, pointer, align=1)
        return context.get_dummy_value()

    return _stored(row, value), emit
