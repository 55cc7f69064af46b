namespace GrainDb.Engine.Sagas;

/// <summary>How far a saga is. Names are in the database.</summary>
public enum SagaStatus
{
    /// <summary>Started, nothing scheduled yet.</summary>
    Pending,

    /// <summary>Steps are carried out.</summary>
    Running,

    /// <summary>Waits for the next attempt or for a signal.</summary>
    Waiting,

    /// <summary>Steps are undone.</summary>
    Compensating,

    /// <summary>A step behind the pivot, or one that is wrong in itself, does not get on. It is tried again slowly.</summary>
    StuckForward,

    /// <summary>A compensation does not get on. It is tried again slowly.</summary>
    StuckBackward,

    /// <summary>Every step had its effect. For good.</summary>
    Completed,

    /// <summary>Every effect is undone, each with a recorded outcome. For good.</summary>
    Compensated,

    /// <summary>A person ended it. For good.</summary>
    ClosedManually,
}

/// <summary>How far one step is. Forward and backward are told apart by <see cref="SagaStepState"/>.</summary>
public enum SagaStepStatus
{
    /// <summary>Not begun.</summary>
    NotStarted,

    /// <summary>May have had its effect.</summary>
    Scheduled,

    /// <summary>Had its effect.</summary>
    Completed,

    /// <summary>Refused: no effect.</summary>
    Rejected,

    /// <summary>Taken for completed by a person; undone on the way back as one that is.</summary>
    Skipped,

    /// <summary>Being undone.</summary>
    Undoing,

    /// <summary>Undone, or taken for undone by a person.</summary>
    Undone,
}
