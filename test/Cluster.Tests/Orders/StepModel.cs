using Happening = GrainDb.Cluster.Tests.Orders.ParticipantProtocolTests.Happening;

namespace GrainDb.Cluster.Tests.Orders;

/// <summary>What a caller is told.</summary>
internal enum Told
{
    Done,
    Refused,
    Undone,
    Settled,
}

/// <summary>A step of a saga by the rules of docs/protocols/sagas.md: the first of each direction counts, and who comes second is told of it.</summary>
internal sealed class StepModel
{
    private Told? _do;
    private bool _isUndone;

    public bool HasEffect { get; private set; }

    public Told Happen(Happening happening)
    {
        switch (happening)
        {
            case Happening.Do:
                HasEffect |= _do is null && !_isUndone;
                _do ??= _isUndone ? Told.Refused : Told.Done;
                return _do == Told.Refused ? Told.Refused : Told.Done;
            case Happening.Undo:
                HasEffect &= _isUndone;
                _isUndone = true;
                return Told.Undone;
            case Happening.SkippedByOperator:
                if (_do is null && _isUndone)
                    return Told.Refused;
                _do ??= Told.Settled;
                return Told.Settled;
            default:
                _isUndone = true; // the effect stays: the person has taken care of it
                return Told.Settled;
        }
    }
}
