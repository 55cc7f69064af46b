namespace GrainDb.Engine.Ring;

/// <summary>
/// A ring cannot be built from what was given: an empty or doubled name, a weight that is not above zero, an unknown
/// node in a change, too many nodes. The message is one sentence for the person who asked for it.
/// </summary>
public sealed class InvalidRingException : Exception
{
    /// <summary>Says what was wrong.</summary>
    public InvalidRingException(string message)
        : base(message)
    {
    }
}
