namespace GrainDb.Histories.Linearizability;

/// <summary>
/// The operations that must be in the order and are not yet. The first of them to return sets the deadline: what was called after it
/// must wait until it is in.
/// </summary>
internal sealed class Obligations
{
    private readonly Operation[] _byReturn;
    private readonly Dictionary<Operation, int> _places = new(ReferenceEqualityComparer.Instance);
    private readonly bool[] _done;
    private int _first;
    private int _open;

    public Obligations(IReadOnlyList<Operation> operations)
    {
        _byReturn = [.. operations.OrderBy(operation => operation.Returned)];
        for (var i = 0; i < _byReturn.Length; i++)
            _places[_byReturn[i]] = i;
        _done = new bool[_byReturn.Length];
        _open = _byReturn.Length;
    }

    public bool AllDone => _open == 0;

    public long Deadline => _first < _byReturn.Length ? _byReturn[_first].Returned : long.MaxValue;

    public void Done(Operation operation)
    {
        _done[_places[operation]] = true;
        _open--;
        while (_first < _byReturn.Length && _done[_first])
            _first++;
    }

    public void Reopen(Operation operation)
    {
        var place = _places[operation];
        _done[place] = false;
        _open++;
        _first = Math.Min(_first, place);
    }
}
