"""JSON as the form of an answer, for models that have to be asked for it in words.

What the model is told stands in `telling`, how its JSON is found in what it wrote in `finding`, what becomes of an
answer in `checking`. No I/O.

A stream in such a form is held until it is whole and checked, and then comes at once; thinking passes meanwhile. What
has been sent cannot be taken back, so a stream that goes out as it comes could neither lose the words around its JSON
nor be asked for once more, and a program that reads JSON can do nothing with half of it. While it waits a client gets
heartbeats, as it does during any silence.
"""
