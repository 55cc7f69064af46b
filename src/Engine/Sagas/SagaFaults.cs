namespace GrainDb.Engine.Sagas;

/// <summary>Deliberate errors. Production code never sets one: each is a branch that a test takes to prove that its checks notice.</summary>
[Flags]
internal enum SagaFaults
{
    None = 0,

    /// <summary>A step is called while its schedule is still on its way to the log.</summary>
    CallBeforeDurable = 1 << 0,

    /// <summary>On the way back a step whose outcome is not known is taken for one without an effect.</summary>
    SkipUndoOfUnknown = 1 << 1,

    /// <summary>An append of which nobody knows is taken for durable.</summary>
    GuessAppended = 1 << 2,

    /// <summary>A request whose append may still happen is said to have certainly not happened.</summary>
    ForgetSent = 1 << 3,

    /// <summary>The host's: every attempt has a key of its own.</summary>
    NewKeyPerAttempt = 1 << 4,

    /// <summary>The log's: rows are put whatever is there, so that of two activations both append.</summary>
    AppendAnyway = 1 << 5,

    /// <summary>The host's: a person's word is not told to the service first.</summary>
    SettleNothing = 1 << 6,

    /// <summary>On the way back a step that a person skipped is taken for one without an effect.</summary>
    ForgetSkipped = 1 << 7,
}
