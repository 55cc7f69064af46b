namespace GrainDb.Grains.Sagas.Participants;

/// <summary>Deliberate errors. Production code never sets one: each is a branch that a test takes to prove that its checks notice.</summary>
[Flags]
internal enum ParticipantFaults
{
    None = 0,

    /// <summary>Business rows are written without the effect record.</summary>
    NoRecord = 1 << 0,

    /// <summary>A way forward does not check that its undo was not there before.</summary>
    ActAfterUndo = 1 << 1,
}
