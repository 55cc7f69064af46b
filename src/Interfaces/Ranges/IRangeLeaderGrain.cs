namespace GrainDb.Interfaces.Ranges;

/// <summary>
/// What one node leads of one range, addressed by <c>range@node</c>: the operations of the leader while it is there, and a failure with outcome <c>NotApplied</c>
/// where it is not. The way to a leader whose node is known: nothing has to be looked up, and a node that does not answer is in nobody else's way.
/// </summary>
[Alias("graindb.range-leader")]
public interface IRangeLeaderGrain : IGrainWithStringKey, IKeyRange
{
    /// <summary>Asks the node to lead; returns when its attempt has ended.</summary>
    /// <returns>Whether it leads; false where it is stopping, has no usable replica, or another one leads.</returns>
    [Alias("stand"), ResponseTimeout("00:00:10")]
    Task<bool> StandAsync();

    /// <summary>Asks the leader on this node to let another one lead: it waits for that one to have everything, finishes what it has taken, and stops. Nothing happens where this node does not lead.</summary>
    /// <param name="heir">The node of a voter.</param>
    /// <exception cref="Errors.GrainDbException">It still leads: the heir did not catch up within ten seconds.</exception>
    [Alias("hand-over"), ResponseTimeout("00:00:15")]
    Task HandOverAsync(string heir);
}
