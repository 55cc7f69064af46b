namespace GrainDb.Silo.Clustering;

/// <summary>The table's file is missing, torn or changed. Membership stands still until an operator acts.</summary>
public sealed class MembershipTableDamagedException(string message, Exception? cause) : IOException(message, cause);
